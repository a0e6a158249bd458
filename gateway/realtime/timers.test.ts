import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTestClients } from "./test-connection.ts";
import { type ConnectionTimers, createConnectionTimers } from "./timers.ts";

const connect = createTestClients();
let timers: ConnectionTimers;

beforeEach(() => {
  vi.useFakeTimers();
  timers = createConnectionTimers({ heartbeatMs: 30_000, helloTimeoutMs: 10_000 });
});
afterEach(() => {
  timers.close();
  vi.useRealTimers();
});

const ready = (expiresAt: number) => {
  const client = connect();
  timers.add(client.connection);
  Object.assign(client.connection, { helloStarted: true, ready: true, expiresAt });
  timers.checkAt(client.connection, expiresAt);
  return client;
};

test("a hello that doesn't come ends the connection, one under way does not", () => {
  const silent = connect();
  const busy = connect();
  timers.add(silent.connection);
  timers.add(busy.connection);
  busy.connection.helloStarted = true;
  vi.advanceTimersByTime(9_000);
  expect(silent.closedWith).toBeUndefined();
  vi.advanceTimersByTime(2_000);
  expect(silent.closedWith).toBe(4001);
  expect(busy.closedWith).toBeUndefined();
});

test("a token's end closes the connection, a later one moves it", () => {
  const client = ready(Date.now() + 20_000);
  vi.advanceTimersByTime(15_000);
  client.connection.expiresAt = Date.now() + 25_000;
  timers.checkAt(client.connection, client.connection.expiresAt);
  vi.advanceTimersByTime(24_000);
  expect(client.closedWith).toBeUndefined();
  vi.advanceTimersByTime(2_000);
  expect(client.closedWith).toBe(4003);
});

test("pings every interval, and closes what stays silent for two", () => {
  const alive = ready(Date.now() + 600_000);
  const dead = ready(Date.now() + 600_000);
  for (let second = 0; second < 120; second++) {
    vi.advanceTimersByTime(1000);
    alive.connection.silent = 0;
  }
  expect(alive.pings).toBe(4);
  expect(alive.closedWith).toBeUndefined();
  expect(dead.pings).toBe(2);
  expect(dead.closedWith).toBe(4007);
});

test("a removed connection is left alone", () => {
  const client = ready(Date.now() + 5_000);
  timers.remove(client.connection);
  vi.advanceTimersByTime(100_000);
  expect(client.pings).toBe(0);
  expect(client.closedWith).toBeUndefined();
});
