import { afterAll, beforeAll } from "vitest";
import { type Stack, type Topology, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, type Person, reasonOf } from "./api.ts";
import type { Frame } from "./frame-inbox.ts";
import { connect, openSocket, type RealtimeClient, type Subprotocol } from "./realtime-client.ts";
import { type StreamSurface, streamTransports, subscribe } from "./realtime-stream.ts";
import { sharedStack } from "./shared-stack.ts";

/** A topology, and a way to be connected to it. */
export interface RealtimeCase {
  readonly name: string;
  readonly start: Topology["start"];
  /** The file's stack of that topology, which ends with the file. */
  running(): Promise<Stack>;
  /** The subprotocol, or the surface of a stream. */
  readonly way: string;
  /**
   * Whether the connection takes frames. A stream doesn't, so what is asked over the connection itself (resume, typing,
   * refreshToken, refs, the order of sends, a hello that is none) is tested over WebSockets only.
   */
  readonly asks: boolean;
  connect(stack: Stack, accessToken: string, hello?: object): Promise<RealtimeClient>;
}

export interface WebSocketCase extends RealtimeCase {
  readonly subprotocol: Subprotocol;
}

/** Every topology, by either subprotocol. */
export const realtimeCases: readonly WebSocketCase[] = topologies.flatMap((topology) =>
  (["parley.v1.json", "parley.v1.proto"] as const).map((subprotocol) => ({
    ...topology,
    running: () => sharedStack(topology),
    subprotocol,
    way: subprotocol,
    asks: true,
    connect: ({ socketUrl }, accessToken, hello = {}) =>
      connect(socketUrl, accessToken, { subprotocol, hello }),
  })),
);

/** Every topology, by Subscribe over each surface that has it. */
export const streamCases: readonly RealtimeCase[] = topologies.flatMap((topology) =>
  (Object.keys(streamTransports) as StreamSurface[]).map((surface) => ({
    ...topology,
    running: () => sharedStack(topology),
    way: `Subscribe by ${surface}`,
    asks: false,
    connect: (stack, accessToken, hello = {}) => subscribe(stack, accessToken, { surface, hello }),
  })),
);

/** Every topology, by every way. */
export const allCases: readonly RealtimeCase[] = [...realtimeCases, ...streamCases];

/** The file's stack, three people for the tests of a `describe`, and connections that are dropped at its end. */
export interface RealtimeWorld {
  readonly stack: Stack;
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
  let stack: Stack;
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
