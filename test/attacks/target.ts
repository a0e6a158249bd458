import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type Api, createApi, newClientId, ok, type Person, roomOf } from "../conformance/api.ts";
import { connect, type RealtimeClient } from "../conformance/realtime-client.ts";
import { type Stack, startOneProcess } from "../stack.ts";

/** A real process under attack, and somebody who goes on using it meanwhile. */
export interface Target extends AsyncDisposable {
  readonly stack: Stack;
  readonly api: Api;
  readonly ada: Person;
  /**
   * Runs the attack while the bystander calls by REST and sends by WebSocket, each as soon as the one before is
   * answered. Fails if one of these fails or takes too long, if the process is another afterwards, has logged an error,
   * or has grown by more than the bound.
   */
  survives<T>(attack: () => Promise<T>, bound?: { growthMiB?: number }): Promise<T>;
}

/** What the bystander has to bear. Generous: attacker, target and other tests share the machine. */
const patienceMs = 10_000;

export async function startTarget(env: Readonly<Record<string, string>> = {}): Promise<Target> {
  const stack = await startOneProcess({ env });
  const api = createApi(stack.url);
  const ada = await api.register();
  const room = await roomOf(ada);
  const client = await connect(stack.socketUrl, ada.accessToken);
  await use(ada, client, room);
  return {
    stack,
    api,
    ada,
    async survives(attack, { growthMiB = 300 } = {}) {
      const { pid } = stack;
      const before = residentMiB(pid);
      const logged = stack.output().length;
      let isOver = false;
      const bystander = (async () => {
        let slowest = 0;
        do {
          const started = performance.now();
          await use(ada, client, room);
          slowest = Math.max(slowest, performance.now() - started);
          if (!isOver) await new Promise((resolve) => setTimeout(resolve, 10));
        } while (!isOver);
        return slowest;
      })();
      const outcome = attack().finally(() => {
        isOver = true;
      });
      const [result, slowest] = await Promise.all([outcome, bystander]);
      await use(ada, client, room);
      expect(slowest).toBeLessThan(patienceMs);
      expect(stack.pid).toBe(pid);
      expect(residentMiB(pid) - before).toBeLessThan(growthMiB);
      expect(stack.output().slice(logged)).not.toMatch(/"level":"(error|fatal)"/);
      return result;
    },
    async [Symbol.asyncDispose]() {
      client.drop();
      await stack[Symbol.asyncDispose]();
    },
  };
}

async function use(person: Person, client: RealtimeClient, roomId: string): Promise<void> {
  await ok(person.get("/v1/users/me"));
  const answer = await client.request({ send: { roomId, clientId: newClientId(), text: "still here" } });
  expect(answer.ack, JSON.stringify(answer)).toBeDefined();
}

export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** Resolves once it holds. */
export async function until(what: string, holds: () => boolean, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Status and reason of an answer's bytes. */
export function refusalIn(received: string): [number, string | undefined] {
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);
  return [status, /"reason":"(\w+)"/.exec(received)?.[1]];
}
