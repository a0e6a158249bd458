import { setTimeout as pause } from "node:timers/promises";
import { expect, vi } from "vitest";
import { createApi, type Person, roomOf, timelineOf } from "../conformance/api.ts";
import type { MeshStack } from "../mesh-stack.ts";
import { type ChurnReport, startRoleChanges, startSessions } from "./mesh-churn.ts";
import { type RoamingClient, startRoamingClient } from "./roaming-client.ts";

/** People who talk in rooms over all gateways, while somebody's role changes and somebody signs in and out. */
export interface MeshTraffic {
  readonly clients: readonly RoamingClient[];
  /** Waits until so many more posts are acknowledged and every client has received as many more events. */
  more(count: number): Promise<void>;
  /** Waits until every client is connected to the gateway that it began with. */
  spread(): Promise<void>;
  /** Ends the writing, waits until everybody has everything, and checks all of it against the timelines. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

const clientCount = 8;
const writerCount = 4;
const roomCount = 3;
/** How many posts of a writer wait for their acknowledgement at most. */
const windowSize = 8;
const paceMs = 30;

export interface MeshTrafficOptions {
  /** For conditions that come by themselves; a machine that runs other suites takes its time. */
  patienceMs?: number;
}

export async function startMeshTraffic(
  { gatewayUrls }: Pick<MeshStack, "gatewayUrls">,
  { patienceMs = 60_000 }: MeshTrafficOptions = {},
): Promise<MeshTraffic> {
  const patience = { timeout: patienceMs, interval: 20 };
  const api = createApi(gatewayUrls[0]!);
  const people = await api.people(clientCount + 1);
  const visitor = people.pop()!;
  // What a fault before left to be mended, connections to a database say, may still be under way.
  const makeRoom = () => vi.waitFor(() => roomOf(people[0]!, ...people.slice(1)), patience);
  const roomIds = await Promise.all(Array.from({ length: roomCount }, makeRoom));
  // Half of the writers and of the readers begin at each gateway.
  const clients = people.map((person, i) => {
    const gateways = i % 2 === 0 ? gatewayUrls : gatewayUrls.toReversed();
    return startRoamingClient({ person, roomIds, gateways });
  });
  const writing = new AbortController();
  const apis = gatewayUrls.map((url) => createApi(url));
  const [owner, member] = [people[0]!, people.at(-1)!];
  const roles = startRoleChanges({ apis, owner, member, roomId: roomIds[0]!, patienceMs });
  const sessions = startSessions({ apis, person: visitor, patienceMs });

  async function write(writer: RoamingClient): Promise<void> {
    for (let n = 0; !writing.signal.aborted; n++) {
      if (writer.unanswered < windowSize) writer.post(roomIds[n % roomCount]!);
      await pause(paceMs);
    }
  }
  const writers = clients.slice(0, writerCount);
  const loops = writers.map(write);
  const acked = () => writers.reduce((sum, { acked }) => sum + acked, 0);
  async function spread(): Promise<void> {
    for (const client of clients) client.goHome();
    const homes = clients.map((_, i) => gatewayUrls[i % 2]);
    await expect.poll(() => clients.map(({ connectedTo }) => connectedTo), patience).toEqual(homes);
  }

  async function endWriting(): Promise<[ChurnReport, ChurnReport]> {
    writing.abort();
    await Promise.all(loops);
    return Promise.all([roles.end(), sessions.end()]);
  }

  return {
    clients,
    spread,
    async more(count) {
      const goal = acked() + count;
      const goals = clients.map((client) => eventsOf(client) + count);
      await expect.poll(acked, patience).toBeGreaterThanOrEqual(goal);
      const behind = () => clients.filter((client, i) => eventsOf(client) < goals[i]!).length;
      await expect.poll(behind, patience).toBe(0);
    },
    async settle() {
      const reports = await endWriting();
      for (const writer of writers) await expect.poll(() => writer.unanswered, patience).toBe(0);
      for (const report of reports) expect(report.faults).toEqual([]);
      for (const roomId of roomIds) await checkRoom(people[0]!, roomId, { clients, patience });
      for (const client of clients) expect(client.faults).toEqual([]);
      await Promise.all(reports.map((report) => report.check()));
    },
    async stop() {
      await endWriting();
      await Promise.all(clients.map((client) => client.stop()));
    },
  };
}

function eventsOf({ received }: RoamingClient): number {
  return [...received.values()].reduce((sum, room) => sum + room.size, 0);
}

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/**
 * The timeline has no hole, each post once and where it was acknowledged, each author's in the order asked; and
 * everybody received just that.
 */
async function checkRoom(
  reader: Person,
  roomId: string,
  deps: { clients: readonly RoamingClient[]; patience: { timeout: number; interval: number } },
): Promise<void> {
  const { clients, patience } = deps;
  const events = await timelineOf(reader, roomId);
  expect(events.map(({ seq }) => Number(seq))).toEqual(from(1, events.length));
  const ids: (string | undefined)[] = events.map(({ messagePosted }) => messagePosted?.clientId);
  const posted = ids.filter((id) => id !== undefined);
  const asked = clients.flatMap(({ posts }) => posts.filter((post) => post.roomId === roomId));
  expect(posted.toSorted()).toEqual(asked.map(({ clientId }) => clientId).toSorted());
  for (const { clientId, seq } of asked) expect(ids[seq! - 1]).toBe(clientId);
  for (const { posts } of clients) {
    const inOrder = posts.filter((post) => post.roomId === roomId && !post.refused).map(({ seq }) => seq!);
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
  }
  for (const { received } of clients) {
    const room = received.get(roomId)!;
    await expect.poll(() => room.has(events.length), patience).toBe(true);
    // That they came one after the other, but for gaps that were told, each client has checked itself.
    for (const [seq, clientId] of room) expect(clientId).toBe(ids[seq - 1]);
  }
}
