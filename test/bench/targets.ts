import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../../services/common/test-free-port.ts";
import type { Person } from "./load.ts";

/** A server under load, in a process of its own. */
export interface Target {
  readonly name: "bare" | "parley";
  readonly url: string;
  /** `rooms` rooms of `membersEach` connections. */
  people(rooms: number, membersEach: number): Promise<Person[]>;
  /** CPU time used so far, seconds, all threads. */
  cpu(): number;
  /** Resident memory, bytes. */
  rss(): number;
  stop(): Promise<void>;
}

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const ticksPerSecond = 100;

export function measures(pid: number) {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
  return {
    cpu() {
      const fields = read("stat")
        .slice(read("stat").lastIndexOf(")") + 2)
        .split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    rss: () => Number(/VmRSS:\s+(\d+) kB/.exec(read("status"))?.[1] ?? 0) * 1024,
  };
}

async function stopChild(child: ChildProcess, folder: string): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
  rmSync(folder, { recursive: true, force: true });
}

export async function startBare(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "bare-server.ts"), join(folder, "bare.db")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", () => reject(new Error("the bare loop did not start")));
  });
  const { port } = JSON.parse(line) as { port: number };
  return {
    name: "bare",
    url: `ws://127.0.0.1:${port}/`,
    people: async (rooms, membersEach) =>
      Array.from({ length: rooms * membersEach }, (_, i) => {
        const roomId = `00000000-0000-7000-8000-${String(Math.floor(i / membersEach)).padStart(12, "0")}`;
        return { token: roomId, roomId };
      }),
    ...measures(child.pid!),
    stop: () => stopChild(child, folder),
  };
}

export async function startParley(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const port = await freePort();
  const main = join(import.meta.dirname, "../../services/main.ts");
  const child = spawn(process.execPath, [...profilerFlags(), main, "serve"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env.PATH,
      PARLEY_HTTP_PORT: String(port),
      PARLEY_GRPC_PORT: "0",
      PARLEY_DATABASE_URL: `sqlite:${folder}`,
      PARLEY_LIMITS: "off",
      PARLEY_LOG_LEVEL: "warn",
    },
  });
  const http = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${http}/readyz`)).ok, child);
  return {
    name: "parley",
    url: `ws://127.0.0.1:${port}/v1/realtime`,
    people: (rooms, membersEach) => people(http, rooms, membersEach),
    ...measures(child.pid!),
    stop: () => stopChild(child, folder),
  };
}

/** `PARLEY_BENCH_PROFILE=folder` writes a CPU profile of each process of Parley there. */
export function profilerFlags(): string[] {
  const folder = process.env.PARLEY_BENCH_PROFILE;
  return folder ? ["--cpu-prof", `--cpu-prof-dir=${folder}`] : [];
}

async function until(condition: () => Promise<boolean>, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error("Parley did not start");
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Parley did not become ready within 10 s");
}

interface Account {
  userId: string;
  token: string;
}

/** At most this many accounts are made, since passwords are meant to be slow to hash; further connections share them. */
const maxAccounts = 1000;
const accounts = new Map<string, Account[]>();

/** `rooms` rooms of `membersEach` people each at the Parley whose HTTP is at `http`. */
export async function people(http: string, rooms: number, membersEach: number): Promise<Person[]> {
  const known = accounts.get(http) ?? [];
  accounts.set(http, known);
  const wanted = Math.min(maxAccounts, rooms * membersEach);
  while (known.length < wanted) {
    const names = Array.from(
      { length: Math.min(20, wanted - known.length) },
      (_, i) => `bench-${known.length + i}`,
    );
    known.push(...(await Promise.all(names.map((name) => register(http, name)))));
  }
  const result: Person[] = [];
  for (let room = 0; room < rooms; room++) {
    const members = Array.from(
      { length: membersEach },
      (_, i) => known[(room * membersEach + i) % wanted] as Account,
    );
    const roomId = await makeRoom(http, [...new Set(members)]);
    for (const member of members) result.push({ token: member.token, roomId });
  }
  return result;
}

async function register(http: string, username: string): Promise<Account> {
  const { user, tokens } = await post(http, "/v1/auth/register", undefined, {
    username,
    password: "a long password",
  });
  return { userId: user.userId, token: tokens.accessToken };
}

async function makeRoom(http: string, [owner, ...others]: Account[]): Promise<string> {
  const token = (owner as Account).token;
  const { room } = await post(http, "/v1/rooms", token, {
    name: "bench",
    memberIds: others.slice(0, 100).map((other) => other.userId),
  });
  if (others.length > 100) {
    const { code } = await post(http, `/v1/rooms/${room.roomId}/invitations`, token, {});
    for (const other of others.slice(100)) await post(http, "/v1/invitations:accept", other.token, { code });
  }
  return room.roomId;
}

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, read by the benchmark alone
async function post(http: string, path: string, token: string | undefined, body: object): Promise<any> {
  const response = await fetch(http + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}
