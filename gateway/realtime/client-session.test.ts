import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type ClientFrame, ClientFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import type { Caller } from "../../services/common/auth.ts";
import {
  InvalidArgumentError,
  SessionRevokedError,
  TokenExpiredError,
  toStatus,
  UnauthenticatedError,
} from "../../services/common/errors.ts";
import { createValidator } from "../../services/common/validation.ts";
import { createAdmission } from "../admission.ts";
import { createClientSessions } from "./client-session.ts";
import { createHellos } from "./hello.ts";
import { createHub } from "./hub.ts";
import { createShedding } from "./shedding.ts";
import { backoff, createTestClients, turns, until } from "./test-connection.ts";
import { createRandom, createWorld } from "./test-world.ts";
import type { Operation, Outcome } from "./write-router.ts";

function createSessions(options: { maxInFlight?: number; enterTimeoutMs?: number; hang?: boolean } = {}) {
  const world = createWorld(createRandom(1));
  if (options.hang) world.link.add = () => new Promise(() => {});
  // Everything is reliable here.
  world.log.userState = async (userId) => ({
    epoch: "one",
    feedSeq: 0,
    rooms: ["r"]
      .filter((id) => world.isMember(id, userId))
      .map((id) => ({ id, seq: world.timeline(id).length })),
  });
  const hub = createHub({ link: world.link, log: world.log, backoff, lingerMs: 0 });
  const writes: { slot: number; operation: Operation; answer: (outcome: Outcome) => void }[] = [];
  const slots = new Map<number, string>();
  const identified: string[] = [];
  /** The second time that a token is verified waits for this. */
  const verifying = { times: 0, again: Promise.resolve() };
  async function verify(token: string): Promise<Caller> {
    if (++verifying.times === 2) await verifying.again;
    if (token === "expired") throw new TokenExpiredError();
    if (token === "revoked") throw new SessionRevokedError();
    const [userId = "", sessionId = ""] = token.split("/");
    if (!sessionId) throw new UnauthenticatedError();
    return { userId, sessionId, token, expiresAt: Number.MAX_SAFE_INTEGER };
  }
  const link = {
    introduce(token: string) {
      slots.set(slots.size + 1, token);
      return slots.size;
    },
    retire: (slot: number) => void slots.delete(slot),
    write: (slot: number, _roomId: string, operation: Operation, answer: (outcome: Outcome) => void) =>
      void writes.push({ slot, operation, answer }),
  };
  const hellos = createHellos({
    hub,
    writes: link,
    verifier: { cached: () => undefined, verify },
    heartbeatMs: 30_000,
    enterTimeoutMs: options.enterTimeoutMs ?? 60_000,
    identified: (connection) => void identified.push(connection.sessionId),
  });
  const admission = createAdmission({
    targetMs: 1000,
    maxInFlight: options.maxInFlight ?? 1000,
    connections: () => 1,
  });
  const sessions = createClientSessions({
    hellos,
    writes: link,
    signals: { typing() {} },
    validator: createValidator(),
    watch: () => undefined,
    admission,
    shedding: createShedding(admission),
  });
  const connect = createTestClients();
  return {
    world,
    hub,
    writes,
    slots,
    identified,
    verifying,
    sessions,
    connect() {
      const client = connect();
      const say = (ref: string, kind: MessageInitShape<typeof ClientFrameSchema>["kind"]) =>
        sessions.handle(client.connection, create(ClientFrameSchema, { ref, kind }) as ClientFrame);
      return { ...client, client, say, refs: () => client.seen.flatMap(({ ref }) => ref ?? []) };
    },
  };
}

const hello = (accessToken: string, more: object = {}) =>
  ({ case: "hello", value: { accessToken, ...more } }) as const;
const ping = { case: "ping", value: {} } as const;

describe("hello", () => {
  test("ready, then each room and the feed caught up, what isn't there gone, then what waited", async () => {
    const { world, connect } = createSessions();
    world.join("r", "ann");
    world.post("r");
    const { client, say, refs } = connect();
    say("1", hello("ann/s", { rooms: [{ roomId: "r", afterSeq: 1n }, { roomId: "x" }], feedAfterSeq: 0n }));
    say("2", ping);
    say("3", hello("ann/s"));
    expect(client.reading).toBe(false);
    await until(() => client.seen.some(({ caughtUp }) => caughtUp?.roomId === "r"));
    expect(client.seen[0]?.ready).toMatchObject({ epoch: "one", feedSeq: "0" });
    expect(client.seen.filter(({ event }) => event).map(({ event }) => event?.seq)).toEqual(["2"]);
    expect(client.seen.some(({ roomGone }) => roomGone?.roomId === "x")).toBe(true);
    expect(client.seen.some(({ caughtUp }) => caughtUp?.feed)).toBe(true);
    expect(refs()).toEqual(["1", "2", "3"]);
    expect(client.seen.find(({ ref }) => ref === "3")?.error?.code).toBe(3);
    expect(client.reading).toBe(true);
    expect(client.connection.unanswered).toBe(0);
  });

  test("cursors of another epoch are reset", async () => {
    const { world, connect } = createSessions();
    world.join("r", "ann");
    const { client, say } = connect();
    say("1", hello("ann/s", { rooms: [{ roomId: "r", afterSeq: 1n }], epoch: "zero" }));
    await until(() => client.seen.some(({ caughtUp }) => caughtUp));
    expect(client.seen.find(({ gap }) => gap)?.gap).toEqual({ roomId: "r", nextSeq: "2", reset: true });
  });

  test.each([
    ["expired", 4003],
    ["revoked", 4004],
    ["nonsense", 4002],
  ])("with a token that is %s gets its error, then goodbye", async (token, code) => {
    const { connect, slots } = createSessions();
    const { client, say } = connect();
    say("1", hello(token));
    await until(() => client.closedWith !== undefined);
    expect(client.closedWith).toBe(code);
    expect(client.seen.map((frame) => Object.keys(frame).at(-1))).toEqual(["error", "goodbye"]);
    expect(slots.size).toBe(0);
  });

  test("has to come first, and to be right", () => {
    const { connect, sessions } = createSessions();
    const early = connect();
    early.say("1", ping);
    expect(early.client.closedWith).toBe(4001);
    expect(early.refs()).toEqual(["1"]);
    const long = connect();
    long.say("1", hello("t", { epoch: "x".repeat(100) }));
    expect(long.client.closedWith).toBe(4001);
    const none = connect();
    sessions.refuse(none.client.connection, undefined, new InvalidArgumentError([]));
    expect(none.client.closedWith).toBe(4001);
  });

  test("that can't be served in time is told so", async () => {
    const { connect } = createSessions({ hang: true, enterTimeoutMs: 1 });
    const { client, say } = connect();
    say("1", hello("ann/s"));
    await new Promise<void>((resolve) => {
      const look = () => (client.closedWith === undefined ? setImmediate(look) : resolve());
      look();
    });
    expect(client.seen).toMatchObject([{ ref: "1", error: { code: 14 } }, { goodbye: { resumable: true } }]);
  });

  test("of a connection that closes meanwhile leaves nothing behind", async () => {
    const { connect, hub, slots, identified, verifying } = createSessions();
    const { client, say } = connect();
    const gate = Promise.withResolvers<void>();
    verifying.again = gate.promise;
    say("1", hello("ann/s"));
    await until(() => verifying.times === 2);
    client.connection.closed = true;
    hub.leave(client.connection);
    gate.resolve();
    await turns(10);
    expect([slots.size, identified, [...hub.users()]]).toEqual([0, [], []]);
  });
});

describe("after the hello", () => {
  async function enter() {
    const all = createSessions();
    all.world.join("r", "ann");
    const one = all.connect();
    one.say("hello", hello("ann/s"));
    await until(() => one.client.connection.ready);
    await turns();
    one.client.seen.length = 0;
    return { ...all, ...one };
  }

  test("writes go to Message, whatever is in them, and are answered as it says", async () => {
    const { client, say, writes } = await enter();
    say("1", { case: "send", value: { roomId: "r", text: "" } });
    say("2", { case: "react", value: { roomId: "r", seq: 1n, emoji: "👍", remove: true } });
    expect(writes.map(({ operation }) => operation.case)).toEqual(["send", "removeReaction"]);
    expect(client.connection.unanswered).toBe(2);
    writes[1]?.answer({ ack: { seq: 9n, replayed: true } as never });
    writes[0]?.answer({ error: toStatus(new InvalidArgumentError([])) });
    await turns();
    expect(client.seen).toMatchObject([
      { ref: "2", ack: { roomId: "r", seq: "9", replayed: true } },
      { ref: "1", error: { code: 3 } },
    ]);
    expect(client.connection.unanswered).toBe(0);
  });

  test("typing is answered only where one is no member", async () => {
    const { client, say, refs } = await enter();
    say("1", { case: "typing", value: { roomId: "r" } });
    say("2", { case: "typing", value: { roomId: "x" } });
    await turns();
    expect(refs()).toEqual(["2"]);
    expect(client.connection.unanswered).toBe(0);
  });

  test("a new token of the same session takes the old one's place, another session's is refused", async () => {
    const { client, say, slots } = await enter();
    say("1", { case: "refreshToken", value: { accessToken: "ann/s/2" } });
    say("2", { case: "refreshToken", value: { accessToken: "ann/other" } });
    await until(() => client.seen.length === 2);
    expect(client.seen).toMatchObject([
      { ref: "1", ack: {} },
      { ref: "2", error: { code: 16 } },
    ]);
    expect([...slots.values()]).toEqual(["ann/s/2"]);
    expect(client.closedWith).toBeUndefined();
  });

  test("too many frames in a row that are none end the connection, a good one in between saves it", async () => {
    const { client, say, sessions } = await enter();
    const refuse = (count: number) => {
      for (let i = 0; i < count; i++) say(`${i}`, { case: undefined });
    };
    refuse(99);
    say("ping", ping);
    refuse(99);
    expect(client.closedWith).toBeUndefined();
    sessions.refuse(client.connection, "last", new InvalidArgumentError([]));
    expect(client.closedWith).toBe(4006);
    expect(client.seen.at(-1)?.goodbye?.code).toBe(4006);
  });
});
