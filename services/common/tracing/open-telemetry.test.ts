import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createRecordingLogger } from "../database/test-database.ts";
import { createTracing } from "./open-telemetry.ts";

test("a collector that takes nothing keeps nobody from ending well", async () => {
  const collector = createServer((_, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void collector.close());
  const { port } = collector.address() as AddressInfo;
  const { logger, entries } = createRecordingLogger();
  const tracing = createTracing(
    { url: `http://127.0.0.1:${port}/v1/traces`, sample: 1 },
    { version: "1", logger },
  );
  tracing.enter("call")?.end();
  await tracing.close();
  expect(entries).toMatchObject([{ msg: "the last traces were not taken" }]);
});

test("a collector that is away is told of once, and once when it is back", async () => {
  let status = 400;
  let requests = 0;
  const collector = createServer((_, response) => {
    requests += 1;
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void collector.close());
  const { port } = collector.address() as AddressInfo;
  const { logger, entries } = createRecordingLogger();
  const config = { url: `http://127.0.0.1:${port}/v1/traces`, sample: 1 };
  const tracing = createTracing(config, { version: "1", logger });
  const sent = async (spans: number) => {
    const before = requests;
    for (let i = 0; i < spans; i++) tracing.enter("call")?.end();
    await expect.poll(() => requests, { timeout: 5000 }).toBe(before + 1);
  };
  await sent(2);
  await expect.poll(() => entries).toHaveLength(1);
  await sent(3);
  await sent(1);
  expect(entries).toHaveLength(1);
  status = 200;
  await sent(1);
  await expect.poll(() => entries).toHaveLength(2);
  await sent(1);
  await tracing.close();
  expect(entries).toMatchObject([
    { level: 40, spans: 2, msg: "the traces' collector takes nothing, spans are dropped" },
    { level: 30, spans: 6, msg: "traces are taken again, spans were dropped" },
  ]);
});

test("what a stranger traces is traced by our part of it alone, what a trusted one does always", async () => {
  let drawn = 0;
  const { logger } = createRecordingLogger();
  const tracing = createTracing(
    { url: "http://127.0.0.1:1/v1/traces", sample: 0.5 },
    { version: "1", logger, random: () => drawn },
  );
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const [on, off] = ["01", "00"].map((flags) => `00-${traceId}-00f067aa0ba902b7-${flags}`);
  const traced = (parent: string | undefined, trusted: boolean) =>
    tracing.enter("call", { parent, trusted })?.traceId;

  expect([traced(on, false), traced(on, true)]).toEqual([traceId, traceId]);
  expect([traced(off, false), traced(off, true)]).toEqual([undefined, undefined]);
  expect(traced(undefined, false)).not.toBe(traceId);
  drawn = 0.9;
  expect([traced(on, false), traced(on, true)]).toEqual([undefined, traceId]);
  expect([traced(undefined, false), traced(undefined, true)]).toEqual([undefined, undefined]);
  await tracing.close();
});
