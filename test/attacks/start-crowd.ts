import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Many connections, held by a process of their own. */
export interface Crowd {
  readonly opened: number;
  /** Connections on which something came back. */
  readonly answered: number;
  readonly closed: number;
  end(): void;
}

export function startCrowd(url: string, count: number, bytes: string): Crowd {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "crowd.ts"), new URL(url).port, String(count)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  child.stdin.end(bytes);
  let state = { opened: 0, answered: 0, closed: 0 };
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    const last = lines.at(-1);
    if (last) state = JSON.parse(last);
  });
  return {
    get opened() {
      return state.opened;
    },
    get answered() {
      return state.answered;
    },
    get closed() {
      return state.closed;
    },
    end: () => void child.kill("SIGKILL"),
  };
}

/** As many as wished, or what the system lets two processes have open, which is then said. */
export function asManyAs(wished: number): number {
  const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  const possible = Math.min(wished, Number(limit) - 500);
  if (possible < wished)
    process.stderr.write(`only ${possible} of ${wished} connections: ulimit -n is ${limit}\n`);
  return possible;
}
