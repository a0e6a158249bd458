import { afterAll } from "vitest";
import { noKafka } from "../kafka.ts";
import { sqlServer } from "../sql-server.ts";
import { chosenTopologies, type RunningStack, type Stack, type Topology } from "../stack.ts";

/**
 * One stack per topology for all suites of a file that start it without options, or for all files of a run: to start it
 * costs more than most suites. So they make people and rooms of their own, and leave it running; it ends with the file,
 * or the run.
 */
const stacks = new Map<Topology, Promise<Stack>>();

/**
 * For suites that share a stack: what is cheap enough to be there always, one process and a mesh as well; and where there
 * is a SQL Server, a mesh on that.
 */
export const sharedTopologies: readonly Topology[] = chosenTopologies([
  "one process",
  ...(noKafka ? [] : ["mesh on Kafka"]),
  ...(noKafka || sqlServer === undefined ? [] : ["mesh on SQL Server and Kafka"]),
]);

afterAll(async () => {
  for (const stack of stacks.values()) await (await stack)[Symbol.asyncDispose]();
});

/** Servers that share their machine with other tests are late for that reason alone. */
const patient = { env: { PARLEY_OVERLOAD_TARGET: "10s" } };

export function sharedStack(topology: Topology): Promise<RunningStack> {
  if (topology.share) return topology.share();
  const stack = stacks.get(topology) ?? topology.start(patient);
  stacks.set(topology, stack);
  return stack;
}
