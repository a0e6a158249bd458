import { inject } from "vitest";
import type { BrokerAccess } from "./kafka/test-broker.ts";
import type { RunningStack } from "./stack.ts";

/**
 * Kafka for tests: one cluster per test run, in which each test has topics and groups of its own by a prefix. Where there
 * is none, tests skip: `describe.skipIf(noKafka)`.
 */
export const noKafka = inject("kafka").missing !== undefined;

/** The cluster of this run; started if it isn't yet. */
export async function sharedKafka(): Promise<BrokerAccess> {
  return JSON.parse(await ask("/broker"));
}

/** A mesh of this run, on that cluster; started if it isn't yet. */
export async function sharedMesh(database: "sqlite" | "sql-server"): Promise<RunningStack> {
  const path = `/mesh/${database}`;
  return { ...JSON.parse(await ask(path)), output: () => ask(`${path}/output`) };
}

async function ask(path: string): Promise<string> {
  const response = await fetch(inject("kafka").ask + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
