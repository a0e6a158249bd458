import { exec } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { endSessions } from "../../services/common/database/test-mssql.ts";
import { createApi, newClientId, ok, type Person, roomOf, timelineOf } from "../conformance/api.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import type { MeshStack } from "../mesh-stack.ts";
import { sqlServer } from "../sql-server.ts";
import { startMeshOnSqlServer } from "../sql-server-stack.ts";
import { type MeshTraffic, startMeshTraffic } from "./mesh-traffic.ts";

/**
 * What is different where several replicas of Message share a database: they write the same rooms, one goes on when
 * another is gone, and the database itself can be gone. PARLEY_TEST_FAULT_STOP_SECONDS says how long a replica stands
 * still; PARLEY_TEST_MSSQL_RESTART is a command that restarts the server, without which that isn't tried.
 */
const stopMs = Number(process.env.PARLEY_TEST_FAULT_STOP_SECONDS ?? 12) * 1000;
const restartCommand = process.env.PARLEY_TEST_MSSQL_RESTART;
const replicas = ["message-1", "message-2"];
const timeout = 900_000;

describe.skipIf(noKafka || sqlServer === undefined)("a mesh on SQL Server and Kafka", () => {
  let mesh: MeshStack;
  const running: MeshTraffic[] = [];
  beforeAll(async () => {
    mesh = await startMeshOnSqlServer((await sharedKafka()).url);
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const traffic of running.splice(0)) await traffic.stop();
  });

  async function startTraffic(): Promise<MeshTraffic> {
    const traffic = await startMeshTraffic(mesh, { patienceMs: 240_000 });
    running.push(traffic);
    return traffic;
  }

  /** How many messages a replica has posted. */
  async function postedBy(name: string): Promise<number> {
    const text = await (await fetch(`${mesh.operatorUrls.get(name)}/metrics`)).text();
    const line = text
      .split("\n")
      .find((each) => /^parley_timeline_writes_total\{.*"send".*"done"/.test(each));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  test("both replicas of Message write one room: no gap, nothing twice", { timeout }, async () => {
    const apis = mesh.gatewayUrls.map((url) => createApi(url));
    const [ada, bob] = (await apis[0]!.people(2)) as [Person, Person];
    const roomId = await roomOf(ada, bob);
    const before = await Promise.all(replicas.map(postedBy));
    const clientIds = Array.from({ length: 150 }, newClientId);
    /** What was not answered in time may be asked again. */
    const post = async (clientId: string, gateway: number): Promise<number> => {
      const { accessToken: token } = clientIds.indexOf(clientId) % 2 === 0 ? ada : bob;
      const body = { clientId, text: clientId };
      for (;;) {
        const answer = apis[gateway]!.call("POST", `/v1/rooms/${roomId}/messages`, { token, body });
        if ([503, 504].includes((await answer).status)) continue;
        return Number((await ok(answer)).message.seq);
      }
    };
    // Each is asked twice at once, of both gateways; calls go to the replicas in turn.
    const seqs: number[] = [];
    const next = clientIds.values();
    const worker = async () => {
      for (const clientId of next) {
        const [one, other] = await Promise.all([post(clientId, 0), post(clientId, 1)]);
        expect(other).toBe(one);
        seqs.push(one);
      }
    };
    await Promise.all(Array.from({ length: 10 }, worker));

    expect(seqs.sort((a, b) => a - b)).toEqual(clientIds.map((_, index) => index + 3));
    const events = await timelineOf(bob, roomId);
    expect(events.map(({ seq }) => Number(seq))).toEqual(events.map((_, index) => index + 1));
    const posted = events.flatMap(({ messagePosted }) => messagePosted?.clientId ?? []);
    expect(posted.toSorted()).toEqual(clientIds.toSorted());
    const own = (await Promise.all(replicas.map(postedBy))).map((count, index) => count - before[index]!);
    expect(own[0]! + own[1]!).toBe(clientIds.length);
    expect(Math.min(...own)).toBeGreaterThan(0);
  });

  test("one replica of Message dies under load, and the other goes on", { timeout }, async () => {
    const traffic = await startTraffic();
    for (const name of replicas) {
      await traffic.more(100);
      await mesh.processes.get(name)!.end("SIGKILL");
      await traffic.more(100);
      await mesh.processes.get(name)!.start();
      await traffic.more(100);
    }
    await traffic.settle();
  });

  test("one that stood still wakes up when the other has gone on", { timeout }, async () => {
    const traffic = await startTraffic();
    for (const name of replicas) {
      await traffic.more(100);
      const { pid } = mesh.processes.get(name)!;
      const wakeAt = performance.now() + stopMs;
      process.kill(pid, "SIGSTOP");
      try {
        do await traffic.more(50);
        while (performance.now() < wakeAt);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await traffic.more(100);
    }
    await traffic.settle();
  });

  test("the server ends all sessions under load", { timeout }, async () => {
    const traffic = await startTraffic();
    for (let round = 0; round < 3; round += 1) {
      await traffic.more(50);
      await endSessions(mesh.databaseUrl);
    }
    await traffic.more(100);
    await traffic.settle();
  });

  test.runIf(restartCommand)("the server is restarted under load", { timeout }, async () => {
    const traffic = await startTraffic();
    await traffic.more(50);
    await promisify(exec)(restartCommand!);
    await traffic.more(100);
    await traffic.settle();
  });
});
