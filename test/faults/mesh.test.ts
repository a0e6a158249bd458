import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { noKafka, sharedKafka } from "../kafka.ts";
import { type MeshStack, startMeshOnKafka } from "../mesh-stack.ts";
import type { StackProcess } from "../stack-process.ts";
import { type MeshTraffic, startMeshTraffic } from "./mesh-traffic.ts";

/**
 * Processes of a mesh die, stand still and are replaced while people talk over both gateways: nothing acknowledged is
 * lost, order is kept, and nobody receives a hole or a repeat.
 *
 * By default each kind of process dies once and one stands still. PARLEY_TEST_FAULT_STOP_SECONDS makes it long: each of
 * them stands still for as long; PARLEY_TEST_FAULT_ROUNDS repeats everything.
 */
const stopSeconds = process.env.PARLEY_TEST_FAULT_STOP_SECONDS;
const rounds = Number(process.env.PARLEY_TEST_FAULT_ROUNDS ?? 1);
/** Long enough for the group's other member to be given the partitions of one that stands still. */
const stopMs = Number(stopSeconds ?? 12) * 1000;
const kinds = ["auth", "room", "message", "delivery-1", "gateway-1"];
const stopped = stopSeconds === undefined ? ["delivery-1"] : kinds;
/** Without the only process of this kind nothing can be written. */
const indispensable = "message";
const reconnectMs = 2000;
const timeout = 300_000;
const gateways = ["gateway-1", "gateway-2"];

describe.skipIf(noKafka).each(Array.from({ length: rounds }, (_, i) => i + 1))(
  "faults of a mesh under load, round %i",
  () => {
    let mesh: MeshStack;
    let traffic: MeshTraffic;
    beforeAll(async () => {
      mesh = await startMeshOnKafka((await sharedKafka()).url);
    });
    afterAll(() => mesh?.[Symbol.asyncDispose]());
    beforeEach(async () => {
      traffic = await startMeshTraffic(mesh);
    });
    afterEach(() => traffic.stop());

    const find = (name: string): StackProcess => mesh.processes.get(name)!;

    /** It is gone: those who were connected to it are soon connected to another one. */
    async function expectMoved(name: string, clients: MeshTraffic["clients"]): Promise<void> {
      const url = mesh.gatewayUrls[gateways.indexOf(name)];
      const elsewhere = () => clients.every(({ connectedTo }) => connectedTo && connectedTo !== url);
      await expect.poll(elsewhere, { timeout: 60_000 }).toBe(true);
      for (const { outageMs } of clients) expect(outageMs).toBeLessThan(reconnectMs);
    }

    async function clientsAt(name: string): Promise<MeshTraffic["clients"]> {
      if (!gateways.includes(name)) return [];
      await traffic.spread();
      const url = mesh.gatewayUrls[gateways.indexOf(name)];
      return traffic.clients.filter(({ connectedTo }) => connectedTo === url);
    }

    /** For as long as it does people go on talking; without the process that takes posts they wait for it. */
    async function standStill(name: string): Promise<void> {
      const wakeAt = performance.now() + stopMs;
      const isOver = () => performance.now() >= wakeAt;
      process.kill(find(name).pid, "SIGSTOP");
      try {
        if (name === indispensable) await expect.poll(isOver, { timeout }).toBe(true);
        else await traffic.more(200);
        while (!isOver()) await traffic.more(50);
      } finally {
        process.kill(find(name).pid, "SIGCONT");
      }
    }

    test("each kind of process is killed, and is back", { timeout }, async () => {
      for (const name of kinds) {
        await traffic.more(100);
        const clients = await clientsAt(name);
        await find(name).end("SIGKILL");
        await expectMoved(name, clients);
        if (name !== indispensable) await traffic.more(100);
        await find(name).start();
        await traffic.more(100);
      }
      await traffic.settle();
    });

    test("one that stood still wakes up when others have gone on", { timeout }, async () => {
      for (const name of stopped) {
        await traffic.more(100);
        await standStill(name);
        await traffic.more(200);
      }
      await traffic.settle();
    });

    test("all are restarted, one after the other", { timeout }, async () => {
      for (const name of mesh.processes.keys()) {
        const clients = await clientsAt(name);
        const code = find(name).end("SIGTERM");
        await expectMoved(name, clients);
        expect(await code).toBe(0);
        await find(name).start();
        await traffic.more(50);
      }
      await traffic.settle();
    });
  },
);
