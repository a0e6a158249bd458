import { afterAll, beforeAll } from "vitest";
import { type RunningStack, waysOver } from "../stack.ts";
import { type Api, createApi, newClientId, type Person, reasonOf } from "./api.ts";
import type { Frame } from "./frame-inbox.ts";
import { connect, openSocket, type RealtimeClient, type Subprotocol } from "./realtime-client.ts";
import { type StreamSurface, streamTransports, subscribe } from "./realtime-stream.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

/** A topology, and a way to be connected to it. */
export interface RealtimeCase {
  readonly name: string;
  /** The stack of that topology, which others use, too. */
  running(): Promise<RunningStack>;
  /** The subprotocol, or the surface of a stream. */
  readonly way: string;
  /**
   * Whether the connection takes frames. A stream doesn't, so what is asked over the connection itself (resume, typing,
   * refreshToken, refs, the order of sends, a hello that is none) is tested over WebSockets only.
   */
  readonly asks: boolean;
  connect(stack: RunningStack, accessToken: string, hello?: object): Promise<RealtimeClient>;
}

export interface WebSocketCase extends RealtimeCase {
  readonly subprotocol: Subprotocol;
}

const subprotocols = {
  all: ["parley.v1.json", "parley.v1.proto"] as const,
  essential: ["parley.v1.json"] as const,
};

/** Every topology, by either subprotocol. */
export const realtimeCases: readonly WebSocketCase[] = sharedTopologies.flatMap((topology) =>
  waysOver<Subprotocol>(topology, subprotocols).map((subprotocol) => ({
    name: topology.name,
    running: () => sharedStack(topology),
    subprotocol,
    way: subprotocol,
    asks: true,
    connect: ({ socketUrl }, accessToken, hello = {}) =>
      connect(socketUrl, accessToken, { subprotocol, hello }),
  })),
);

/** Subscribe over a surface. */
const streamWay = (surface: StreamSurface) => ({
  way: `Subscribe by ${surface}`,
  asks: false,
  connect: (stack: RunningStack, accessToken: string, hello = {}) =>
    subscribe(stack, accessToken, { surface, hello }),
});

/** Over each surface that has it. */
export const streamWays = (Object.keys(streamTransports) as StreamSurface[]).map(streamWay);

const streamCases: readonly RealtimeCase[] = sharedTopologies.flatMap((topology) =>
  waysOver(topology, { all: streamWays, essential: [streamWay("gRPC")] }).map((way) => ({
    name: topology.name,
    running: () => sharedStack(topology),
    ...way,
  })),
);

/** Every topology, by every way. */
export const allCases: readonly RealtimeCase[] = [...realtimeCases, ...streamCases];

/** The stack, three people for the tests of a `describe`, and connections that are dropped at its end. */
export interface RealtimeWorld {
  readonly stack: RunningStack;
  readonly api: Api;
  readonly people: readonly [Person, Person, Person];
  /** Connected the way of the case, after `ready`. */
  online(person: Person, hello?: object): Promise<RealtimeClient>;
  /** Connected by a WebSocket whatever the case, to write much. */
  writer(person: Person): Promise<RealtimeClient>;
  /** Connected, before any hello. */
  socket(): Promise<RealtimeClient>;
}

export function createRealtimeWorld(variant: RealtimeCase & { subprotocol?: Subprotocol }): RealtimeWorld {
  const open: RealtimeClient[] = [];
  let stack: RunningStack;
  let api: Api;
  let people: [Person, Person, Person];

  beforeAll(async () => {
    stack = await variant.running();
    api = createApi(stack.url);
    people = (await api.people(3)) as typeof people;
  });
  afterAll(async () => {
    for (const client of open) client.drop();
  });

  async function keep(opening: Promise<RealtimeClient>): Promise<RealtimeClient> {
    const client = await opening;
    open.push(client);
    return client;
  }
  return {
    get stack() {
      return stack;
    },
    get api() {
      return api;
    },
    get people() {
      return people;
    },
    online: (person, hello = {}) => keep(variant.connect(stack, person.accessToken, hello)),
    writer: (person) => keep(connect(stack.socketUrl, person.accessToken)),
    socket: () => keep(openSocket(stack.socketUrl, variant.subprotocol ?? "parley.v1.json")),
  };
}

/** A frame that posts. */
export const message = (roomId: string, text: string, more: object = {}) => ({
  send: { roomId, clientId: newClientId(), text, ...more },
});

/** The seqs of a room's events received so far. */
export const seqs = (client: RealtimeClient, room: string): number[] =>
  client.events(room).map((event) => Number(event.seq));

export const from = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

/** The reason of an `error` frame. */
export const failed = (frame: Frame): string | undefined => reasonOf(frame.error);
