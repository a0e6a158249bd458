import { existsSync } from "node:fs";
import { startOneProcess } from "./stack.ts";

/**
 * Fills the cache of compiled code, once for a checkout: Node writes what a process has compiled when that ends politely,
 * and most of a suite's don't.
 */
export async function setup(): Promise<void> {
  const folder = process.env.NODE_COMPILE_CACHE;
  if (folder === undefined || existsSync(folder)) return;
  // On a cluster that isn't there, so that its client is loaded, too.
  await using stack = await startOneProcess({ env: { PARLEY_EVENTS_URL: "kafka://127.0.0.1:1" } });
  await stack.terminate();
}
