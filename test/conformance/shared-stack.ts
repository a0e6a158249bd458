import { afterAll } from "vitest";
import type { Stack, Topology } from "../stack.ts";

/**
 * One stack per topology for all suites of a file that start it without options: to start it costs more than most
 * suites. So they make people and rooms of their own, and leave it running; it ends with the file.
 */
const stacks = new Map<Topology, Promise<Stack>>();

afterAll(async () => {
  for (const stack of stacks.values()) await (await stack)[Symbol.asyncDispose]();
});

export function sharedStack(topology: Topology): Promise<Stack> {
  const stack = stacks.get(topology) ?? topology.start();
  stacks.set(topology, stack);
  return stack;
}
