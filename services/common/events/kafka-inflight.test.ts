import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { InflightRequests } from "./kafka-inflight.ts";
import "./kafka-library.ts";

const load = createRequire(import.meta.url);

test("does what a Map does for requests that wait", () => {
  const inflight = new InflightRequests<string>();
  for (const id of [7, 3, 2 ** 31 - 1, 0]) inflight.set(id, `request ${id}`);
  expect([inflight.size, inflight.has(3), inflight.has(4)]).toEqual([4, true, false]);
  expect([inflight.get(0), inflight.get(4)]).toEqual(["request 0", undefined]);
  expect([inflight.delete(3), inflight.delete(3)]).toEqual([true, false]);
  const seen: string[] = [];
  // What is given up is deleted on the way.
  inflight.forEach((request) => {
    seen.push(request);
    inflight.delete(7);
  });
  expect(seen).toEqual(["request 7", `request ${2 ** 31 - 1}`, "request 0"]);
  expect([...inflight.values()]).toEqual(seen.slice(1));
  inflight.clear();
  expect([inflight.size, [...inflight.values()]]).toEqual([0, []]);
});

test("KafkaJS keeps its requests there, answers them, and gives them up when the connection ends", async () => {
  const RequestQueue = load("kafkajs/src/network/requestQueue");
  const queue = new RequestQueue({
    maxInFlightRequests: 2,
    requestTimeout: 10_000,
    enforceRequestTimeout: false,
    clientId: "test",
    broker: "broker:9092",
    logger: { debug() {} },
    isConnected: () => true,
  });
  const sent: number[] = [];
  const ask = (correlationId: number) =>
    new Promise((resolve, reject) => {
      const entry = { apiKey: 1, apiName: "Fetch", apiVersion: 11, correlationId, resolve, reject };
      queue.push({ entry, expectResponse: true, sendRequest: () => sent.push(correlationId) });
    });
  const [first, second, third] = [ask(5), ask(6), ask(7)];
  expect(queue.inflight).toBeInstanceOf(InflightRequests);
  expect([sent, queue.inflight.size, queue.pending.length]).toEqual([[5, 6], 2, 1]);
  queue.fulfillRequest({ correlationId: 6, payload: "six", size: 3 });
  expect(await second).toMatchObject({ correlationId: 6, payload: "six" });
  expect([sent, queue.inflight.size]).toEqual([[5, 6, 7], 2]);
  const given = [first, third].map((asked) => asked.catch((error: Error) => error.message));
  queue.rejectAll(new Error("the connection ended"));
  expect(await Promise.all(given)).toEqual(["the connection ended", "the connection ended"]);
  expect(queue.inflight.size).toBe(0);
  queue.destroy();
});
