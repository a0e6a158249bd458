import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { UnavailableError } from "./errors.ts";
import type { PartHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";
import { type OperatorPort, type ProcessState, startOperatorPort } from "./operator-port.ts";

let port: OperatorPort | undefined;
let state: ProcessState = "ready";
let parts: PartHealth[] = [];

async function start(): Promise<OperatorPort> {
  const metrics = createMetrics();
  metrics.gauge({ name: "parley_test", help: "Test.", read: () => 1 });
  port = await startOperatorPort(
    { host: "127.0.0.1", port: 0 },
    {
      metrics,
      health: async () => parts,
      state: () => state,
      version: "1.2.3",
      logger: pino({ level: "silent" }),
    },
  );
  return port;
}

afterEach(async () => {
  await port?.close();
  port = undefined;
  state = "ready";
  parts = [];
});

test("metrics are in Prometheus' text format", async () => {
  const { url } = await start();
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toContain("parley_test 1\n");
});

test("it lives in any state, and is ready in one of them", async () => {
  const { url } = await start();
  for (const [at, status] of [
    ["starting", 503],
    ["ready", 200],
    ["stopping", 503],
  ] as const) {
    state = at;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([status, { status: at }]);
  }
});

test("health says which service fails, and why", async () => {
  const { url } = await start();
  parts = [
    { name: "auth", latencyMs: 1.234, error: undefined },
    { name: "room", latencyMs: 2000, error: new UnavailableError("the disk is full") },
  ];
  const response = await fetch(`${url}/health`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "ready",
    version: "1.2.3",
    uptimeSeconds: expect.any(Number),
    services: {
      auth: { status: "ok", latencyMs: 1.23 },
      room: { status: "failing", latencyMs: 2000, reason: "UNAVAILABLE", message: "the disk is full" },
    },
  });
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "unavailable" });
});

test("nothing else is there, and nothing can be sent", async () => {
  const { url } = await start();
  expect((await fetch(`${url}/v1/rooms`)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(405);
});

test("closing waits for nobody", async () => {
  const { url } = await start();
  await fetch(`${url}/healthz`, { keepalive: true });
  await port?.close();
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  port = undefined;
});
