import { expect, test } from "vitest";
import { closeCauses } from "./close-codes.ts";
import { maxUnanswered } from "./connection.ts";
import { createFrame } from "./server-frame.ts";
import { createTestClients, turns } from "./test-connection.ts";

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
