import { Code, ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { ServerFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { Caller } from "../../services/common/auth.ts";
import { RateLimitedError, reasonOf, UnauthenticatedError } from "../../services/common/errors.ts";
import { clientAddressHeader } from "../../services/common/rpc/caller.ts";
import { createServerInterceptors } from "../../services/common/rpc/interceptors.ts";
import { createLocalRpc } from "../../services/common/rpc/local.ts";
import { createValidator } from "../../services/common/validation.ts";
import { createCatchUp } from "./catch-up.ts";
import { closeCauses } from "./close-codes.ts";
import { Connection } from "./connection.ts";
import { createFlusher } from "./flusher.ts";
import { createHellos } from "./hello.ts";
import { createHub } from "./hub.ts";
import { createSubscriptions } from "./subscription.ts";
import { backoff, turns, until } from "./test-connection.ts";
import { createWorld } from "./test-world.ts";
import { createConnectionTimers } from "./timers.ts";
import { createTraffic } from "./traffic.ts";

const logger = pino({ enabled: false });

async function verify(token: string): Promise<Caller> {
  const [userId = "", sessionId = ""] = token.split("/");
  if (!sessionId) throw new UnauthenticatedError();
  return { userId, sessionId, token, expiresAt: Number.MAX_SAFE_INTEGER };
}

function start(options: { hang?: boolean; enterTimeoutMs?: number } = {}) {
  // Nothing is lost and nothing fails here.
  const world = createWorld(() => 0.5);
  if (options.hang) world.link.add = () => new Promise(() => {});
  const hub = createHub({ link: world.link, log: world.log, backoff, lingerMs: 0 });
  const verifier = { cached: () => undefined, verify };
  const timers = createConnectionTimers({ heartbeatMs: 30_000, helloTimeoutMs: 10_000 });
  const hellos = createHellos({
    hub,
    writes: { introduce: () => expect.fail("a stream writes nothing"), retire: () => {} },
    verifier,
    heartbeatMs: 30_000,
    enterTimeoutMs: options.enterTimeoutMs ?? 60_000,
    identified: (connection) => timers.checkAt(connection, connection.expiresAt),
  });
  const open = new Set<Connection>();
  const addresses: string[] = [];
  const deps = {
    flusher: createFlusher(),
    catchUp: createCatchUp({ backoff }),
    reconnectSpreadSeconds: 0,
    traffic: createTraffic(),
  };
  const subscriptions = createSubscriptions({
    hellos,
    admit(address) {
      if (address === "10.0.0.1") throw new RateLimitedError(1000);
      addresses.push(address);
    },
    opened(sink, address) {
      const connection = new Connection(sink, "c", address, deps);
      open.add(connection);
      timers.add(connection);
      return connection;
    },
    closed(connection) {
      open.delete(connection);
      timers.remove(connection);
      hub.leave(connection);
    },
  });
  const rpc = createLocalRpc({ logger });
  const list = { isRevoked: () => false, onRevoked: () => () => {}, run: async () => {} };
  rpc.intercept(
    createServerInterceptors({ verifier: { ...verifier, ...list }, validator: createValidator() }),
  );
  const served = rpc.serve(RealtimeService, subscriptions);
  const client = rpc.client(RealtimeService);

  function subscribe(
    request: object = {},
    more: { token?: string; address?: string; signal?: AbortSignal } = {},
  ) {
    const { token = "ann/s", address = "127.0.0.1", signal } = more;
    const headers = { authorization: `Bearer ${token}`, [clientAddressHeader]: address };
    const items = client.subscribe(request, { headers, ...(signal && { signal }) })[Symbol.asyncIterator]();
    const take = async (): Promise<ServerFrame["kind"] | undefined> => {
      const { value } = await items.next();
      return value?.frame?.kind;
    };
    return { items, take };
  }
  return {
    world,
    hub,
    open,
    addresses,
    served,
    timers,
    subscribe,
    arrive() {
      for (const response of world.arriving(1)) hub.receive(response);
    },
  };
}

afterEach(() => {
  vi.useRealTimers();
});

test("ready, then what was missed and what comes", async () => {
  const { world, subscribe, open, addresses, arrive } = start();
  world.join("r", "ann");
  world.post("r");
  const { take } = subscribe({ rooms: [{ roomId: "r", afterSeq: 1n }, { roomId: "x" }], feedAfterSeq: 0n });
  expect(await take()).toMatchObject({
    case: "ready",
    value: { userId: "ann", sessionId: "s", epoch: "one" },
  });
  const kinds: string[] = [];
  while (kinds.length < 5) kinds.push(String((await take())?.case));
  expect(kinds.sort()).toEqual(["caughtUp", "caughtUp", "event", "feed", "roomGone"]);
  world.arriving(1);
  world.post("r");
  arrive();
  expect(await take()).toMatchObject({ case: "event", value: { seq: 3n } });
  expect([...open].map(({ address }) => address)).toEqual(addresses);
});

describe("what can't be served ends the call with its error", () => {
  const refusal = (call: ReturnType<ReturnType<typeof start>["subscribe"]>) =>
    call.take().then(
      () => expect.fail("it was served"),
      (error: unknown) => [reasonOf(error), ConnectError.from(error).code],
    );

  test("no token, a bad cursor, too many", async () => {
    const { subscribe, open } = start();
    expect(await refusal(subscribe({}, { token: "nobody" }))).toEqual([
      "UNAUTHENTICATED",
      Code.Unauthenticated,
    ]);
    expect(await refusal(subscribe({ feedAfterSeq: -1n }))).toEqual([
      "INVALID_ARGUMENT",
      Code.InvalidArgument,
    ]);
    const address = "10.0.0.1";
    expect(await refusal(subscribe({}, { address }))).toEqual(["RATE_LIMITED", Code.ResourceExhausted]);
    expect(open.size).toBe(0);
  });

  test("rooms that can't be followed in time", async () => {
    const { subscribe, open, hub } = start({ hang: true, enterTimeoutMs: 1 });
    expect(await refusal(subscribe())).toEqual(["UNAVAILABLE", Code.Unavailable]);
    expect([open.size, hub.user("ann")]).toEqual([0, undefined]);
  });

  test("a server that closes meanwhile", async () => {
    const { subscribe, open } = start({ hang: true });
    const refused = refusal(subscribe());
    await until(() => open.size === 1);
    for (const connection of open) connection.close(closeCauses.shuttingDown);
    expect(await refused).toEqual(["UNAVAILABLE", Code.Unavailable]);
    expect(open.size).toBe(0);
  });
});

test.each(["the call is cancelled", "the reader leaves"])("%s: it is forgotten at once", async (how) => {
  const { subscribe, open, hub } = start();
  const leaving = new AbortController();
  const { items, take } = subscribe({}, { signal: leaving.signal });
  await take();
  const next = take().catch(() => undefined);
  if (how === "the reader leaves") await items.return?.();
  else leaving.abort();
  expect([open.size, hub.user("ann")]).toEqual([0, undefined]);
  await next;
});

test("a goodbye is the last that is taken, then the stream ends", async () => {
  const { subscribe, open, served } = start();
  const { take } = subscribe();
  await take();
  const [connection] = open as Set<Connection>;
  connection?.close(closeCauses.tokenExpired);
  expect(await take()).toMatchObject({ case: "goodbye", value: { code: 4003, resumable: true } });
  expect(open.size).toBe(1);
  expect(await take()).toBeUndefined();
  expect(open.size).toBe(0);
  await served.close();
});

test("who stops reading costs a bounded number of bytes, and gets everything in order when reading again", async () => {
  const { world, subscribe, open, arrive } = start();
  world.join("r", "ann");
  const { take } = subscribe();
  expect((await take())?.case).toBe("ready");
  const [connection] = open as Set<Connection>;
  const text = "x".repeat(4000);
  let most = 0;
  for (let i = 0; i < 3000; i++) {
    world.post("r", text);
    arrive();
    if (i % 10 === 0) await turns(1);
    most = Math.max(most, connection?.sink.unsent ?? 0);
  }
  expect(most).toBeLessThan(2 * 256 * 1024);
  expect(connection?.slow).toBe(true);
  for (let seq = 2n; seq <= 3001n; seq++) {
    let kind = await take();
    while (kind?.case === "heartbeat") kind = await take();
    expect(kind).toMatchObject({ case: "event", value: { seq } });
    most = Math.max(most, connection?.sink.unsent ?? 0);
  }
  expect(most).toBeLessThan(2 * 256 * 1024);
  expect(connection?.slow).toBe(false);
});

test("heartbeats come each interval, and who takes none for two is ended", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "Date"] });
  const { subscribe, open, timers } = start();
  const reading = subscribe();
  await reading.take();
  vi.advanceTimersByTime(30_000);
  expect((await reading.take())?.case).toBe("heartbeat");
  const taken = reading.take();
  vi.advanceTimersByTime(30_000);
  expect((await taken)?.case).toBe("heartbeat");
  // Nothing is taken from here on.
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(30_000);
    await turns(1);
  }
  expect(open.size).toBe(0);
  const rest: unknown[] = [];
  for (let kind = await reading.take(); kind; kind = await reading.take()) rest.push(kind.case);
  expect(rest).toEqual(["goodbye"]);
  timers.close();
});
