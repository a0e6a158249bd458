import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeCauses } from "./close-codes.ts";
import { maxUnanswered } from "./connection.ts";
import { createFrame } from "./server-frame.ts";
import { createShedding } from "./shedding.ts";
import { createTestClients, type TestClient, turns } from "./test-connection.ts";

const connect = createTestClients();
const pong = createFrame({ kind: { case: "pong", value: {} } });

test("frames of one turn are written together, in order", async () => {
  const { connection, seen } = connect();
  connection.push(createFrame({ ref: "1", kind: { case: "pong", value: {} } }));
  connection.push(createFrame({ ref: "2", kind: { case: "pong", value: {} } }));
  expect(seen).toEqual([]);
  await turns(1);
  expect(seen.map(({ ref }) => ref)).toEqual(["1", "2"]);
});

test("is not read while too many frames are unanswered", () => {
  const client = connect();
  for (let i = 0; i < maxUnanswered + 5; i++) client.connection.expectAnswer();
  expect(client.reading).toBe(false);
  for (let i = 0; i < 5; i++) client.connection.answer(pong);
  expect(client.reading).toBe(false);
  client.connection.noAnswer();
  expect(client.reading).toBe(true);
});

test("is read again only when nothing speaks against it any more", async () => {
  const client = connect();
  client.stall();
  client.connection.push(pong);
  await turns(1);
  for (let i = 0; i < maxUnanswered; i++) client.connection.expectAnswer();
  client.drain();
  expect(client.reading).toBe(false);
  client.connection.noAnswer();
  expect(client.reading).toBe(true);
});

describe("refused for overload", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  const { refuse } = createShedding({ refuses: () => true, refused: () => 1000 });

  /** One turn in which a write of so many bytes is refused; answers how long the connection then isn't read, in ms. */
  async function restAfter(client: TestClient, bytes: number): Promise<number> {
    refuse(client.connection, "1");
    client.receive(bytes);
    await turns(1);
    let rested = 0;
    for (; !client.reading; rested++) vi.advanceTimersByTime(1);
    return rested;
  }

  test("is not read for a while, the longer the less comes, and never long", async () => {
    const client = connect();
    const rests = [];
    for (const kib of [24, 1, 1, 6, 24, 96]) rests.push(await restAfter(client, kib * 1024));
    expect(rests).toEqual([50, 200, 200, 200, 200, 50]);
  });

  test("is read on while it sends so much at once that a rest would only make it late", async () => {
    const client = connect();
    expect(await restAfter(client, 1_000_000)).toBe(0);
    expect(await restAfter(client, 1_000_000)).toBe(0);
    expect(await restAfter(client, 6 * 1024), "and rests again when it sends less").toBe(20);
  });

  test("doesn't rest in a turn in which nothing is refused, however much comes", async () => {
    const client = connect();
    await restAfter(client, 24 * 1024);
    client.receive(24 * 1024);
    client.connection.push(pong);
    await turns(1);
    expect(client.reading).toBe(true);
  });

  test("very many refusals of a turn are written before it is over", async () => {
    const client = connect();
    for (let i = 0; i < 1500; i++) refuse(client.connection, `${i}`);
    expect(client.seen).toHaveLength(1000);
    await turns(1);
    expect(client.seen.map(({ ref }) => ref)).toEqual(Array.from({ length: 1500 }, (_, i) => `${i}`));
  });

  test("is not read after its rest while something else speaks against it", async () => {
    const client = connect();
    refuse(client.connection, "1");
    client.receive(1);
    await turns(1);
    for (let i = 0; i < maxUnanswered; i++) client.connection.expectAnswer();
    vi.advanceTimersByTime(1000);
    expect(client.reading).toBe(false);
    client.connection.noAnswer();
    expect(client.reading).toBe(true);
  });
});

test("frames kept for after the hello are handled in order, none after a close", () => {
  const client = connect();
  const handled: number[] = [];
  client.connection.defer(() => handled.push(1));
  client.connection.defer(() => {
    handled.push(2);
    client.connection.close(closeCauses.tooManyRefusedFrames);
  });
  client.connection.defer(() => handled.push(3));
  expect(client.reading).toBe(false);
  client.connection.undefer();
  expect(handled).toEqual([1, 2]);
});

test("a close says goodbye behind what was pushed, once, and nothing after it", async () => {
  const client = connect();
  client.connection.push(pong);
  client.connection.close(closeCauses.sessionEnded);
  client.connection.close(closeCauses.shuttingDown);
  client.connection.push(pong);
  await turns();
  expect(client.closedWith).toBe(4004);
  expect(client.seen).toEqual([
    { pong: {} },
    { goodbye: { code: 4004, reason: "SESSION_ENDED", resumable: false, reconnectAfter: "0s" } },
  ]);
});
