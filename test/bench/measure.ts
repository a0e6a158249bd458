import { fork } from "node:child_process";
import { join } from "node:path";
import type { LoadResult, Task } from "./load.ts";
import { median } from "./statistics.ts";
import type { Target } from "./targets.ts";

/** What the load generator saw, and what the server used meanwhile. */
export interface Measurement extends LoadResult {
  /** Seconds of CPU, all threads. */
  cpu: number;
  /** Bytes of memory at the end. */
  rss: number;
}

/** Runs a task in a load generator of its own. */
export function load(target: Target, task: Task): Promise<Measurement> {
  const child = fork(join(import.meta.dirname, "load.ts"));
  let cpu = 0;
  return new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error("the load generator died")));
    child.on("message", (message: { started?: boolean; result?: LoadResult; failed?: string }) => {
      if (message.started) {
        cpu = target.cpu();
        if (task.kind === "idle") setTimeout(() => child.send("enough"), 3000);
      } else if (message.failed) {
        reject(new Error(message.failed));
      } else if (message.result) {
        resolve({ ...message.result, cpu: target.cpu() - cpu, rss: target.rss() });
      }
    });
    child.send(task);
  });
}

/** The median of each number. */
export function medians<K extends string>(measured: Record<K, number>[]): Record<K, number> {
  const keys = Object.keys(measured[0]!) as K[];
  return Object.fromEntries(keys.map((key) => [key, median(measured.map((each) => each[key]))])) as Record<
    K,
    number
  >;
}
