import { afterAll, beforeAll } from "vitest";
import { type Stack, type Topology, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, type Person, reasonOf } from "./api.ts";
import { connect, type Frame, openSocket, type RealtimeClient, type Subprotocol } from "./realtime-client.ts";

/** Every topology, by either subprotocol. */
export const realtimeCases = topologies.flatMap(({ name, start }) =>
  (["parley.v1.json", "parley.v1.proto"] as const).map((subprotocol: Subprotocol) => ({
    name,
    start,
    subprotocol,
  })),
);

/** A stack for the tests of a `describe`, three people, and connections that are dropped at its end. */
export interface RealtimeWorld {
  readonly stack: Stack;
  readonly api: Api;
  readonly people: readonly [Person, Person, Person];
  /** Connected, after `ready`. */
  online(person: Person, hello?: object): Promise<RealtimeClient>;
  /** Connected, before any hello. */
  socket(): Promise<RealtimeClient>;
}

export function createRealtimeWorld(variant: {
  start: Topology["start"];
  subprotocol: Subprotocol;
}): RealtimeWorld {
  const { start, subprotocol } = variant;
  const open: RealtimeClient[] = [];
  let stack: Stack;
  let api: Api;
  let people: [Person, Person, Person];

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
    people = (await api.people(3)) as typeof people;
  });
  afterAll(async () => {
    for (const client of open) client.drop();
    await stack[Symbol.asyncDispose]();
  });
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
    async online(person, hello = {}) {
      const client = await connect(stack.url, person.accessToken, { subprotocol, hello });
      open.push(client);
      return client;
    },
    async socket() {
      const client = await openSocket(stack.url, subprotocol);
      open.push(client);
      return client;
    },
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
