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
