import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface TestProcessOptions {
  /** Whose process it is; that of the tests if empty. */
  user?: { uid?: number; gid?: number };
  readers?: number;
}

/** A process of its own that has the test database of a folder open. */
export interface TestProcess {
  readonly pid: number;
  /** As given at the start. */
  readonly user: { uid?: number; gid?: number };
  /** Posts one text: answers its seq, or the name of the error. */
  append(text: string): Promise<number | string>;
  /** The number of messages, or the name of the error. */
  count(): Promise<number | string>;
  /** As `kill -9`. */
  kill(): Promise<void>;
}

export type TestCommand = { type: "append"; text: string } | { type: "count" };

/** Answers once the database is open there. The process ends with the test. */
export async function startTestProcess(
  folder: string,
  { user = {}, readers = 1 }: TestProcessOptions = {},
): Promise<TestProcess> {
  const script = fileURLToPath(new URL("./test-process-main.ts", import.meta.url));
  const child = fork(script, [folder, `${readers}`], { execArgv: [], ...user });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });

  const answer = async () => {
    const [message] = await Promise.race([once(child, "message"), exited.then(() => ["exited"])]);
    return message as number | string;
  };
  const ask = (command: TestCommand) => {
    child.send(command);
    return answer();
  };
  const opened = await answer();
  if (opened !== "open") throw new Error(`the test process says ${opened}`);
  return {
    pid: child.pid!,
    user,
    append: (text) => ask({ type: "append", text }),
    count: () => ask({ type: "count" }),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
