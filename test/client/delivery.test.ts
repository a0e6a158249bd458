import { afterAll, beforeAll, expect, test } from "vitest";
import { createParley, type Parley } from "../../client/index.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { type HostileProxy, startHostileProxy } from "./hostile-proxy.ts";

/**
 * Nothing is lost, nothing comes twice, nothing comes out of order, through a network that delays, doubles, loses and
 * cuts, and a server that is killed and started again.
 */

/** `PARLEY_TEST_CLIENT_MESSAGES=100000` makes it long, 3000 is a quick look. */
const messages = Number(process.env.PARLEY_TEST_CLIENT_MESSAGES ?? 20_000);
const peopleCount = 6;
const roomCount = 30;
/** Of each room's three members, how many talk. */
const talkers = 2;
/** A room's member has at most so many messages on their way. */
const mostPending = 20;
const timeoutMs = 1_200_000;

let stack: Stack;
let proxy: HostileProxy;
/** Resolves with the next event of anybody: one may have room for more on its way then. */
let heard = Promise.withResolvers<void>();

beforeAll(async () => {
  stack = await startOneProcess();
  proxy = await startHostileProxy(stack.url);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
});

test(
  `${messages} messages arrive, each once and in order`,
  async () => {
    const people = await Promise.all(Array.from({ length: peopleCount }, (_, index) => join(index)));
    const rooms: Awaited<ReturnType<typeof makeRoom>>[] = [];
    for (let index = 0; index < roomCount; index += 1) rooms.push(await makeRoom(people, index));
    await expect
      .poll(() => people.every(({ parley }) => parley.inbox.get().rooms.length === roomCount / 2), {
        timeout: 20_000,
      })
      .toBe(true);

    proxy.set({ double: 0.02, dropEvent: 0.001, delay: 0.02 });
    const cutting = setInterval(() => proxy.cut(), 700);
    const lanes = rooms.flatMap(({ roomId, members }) =>
      members.slice(0, talkers).map((person) => ({ roomId, person, sent: 0 })),
    );
    const perLane = Math.ceil(messages / lanes.length);
    let wasKilled = false;
    const total = () => lanes.reduce((sum, { sent }) => sum + sent, 0);
    while (lanes.some(({ sent }) => sent < perLane)) {
      heard = Promise.withResolvers();
      for (const lane of lanes) talk(lane, perLane);
      if (!wasKilled && total() > messages / 2) {
        wasKilled = true;
        await stack.kill();
        await stack.start();
      }
      await heard.promise;
    }
    clearInterval(cutting);
    proxy.set({ double: 0.02, dropEvent: 0, delay: 0 });
    // The last event of a room may be the one that was lost: no connection is the worse for another.
    for (const lane of lanes) lane.person.parley.room(lane.roomId).send(`${lane.person.index} ${perLane}`);

    const isAllThere = () =>
      rooms.every(({ roomId, members }) =>
        members.every(({ seen }) => seen.get(roomId)?.posts === talkers * (perLane + 1)),
      );
    await expect.poll(isAllThere, { timeout: timeoutMs / 2, interval: 200 }).toBe(true);
    expect(people.flatMap(({ faults }) => faults)).toEqual([]);
    const unsent = () =>
      people.flatMap(({ parley }) => rooms.flatMap(({ roomId }) => parley.room(roomId).state.get().outgoing));
    await expect.poll(unsent).toEqual([]);
    console.info(`the proxy's doings: ${JSON.stringify(proxy.counts)}`);
    for (const count of Object.values({ ...proxy.counts, refused: 1 })) expect(count).toBeGreaterThan(0);
    await Promise.all(people.map(({ parley }) => parley.close()));
  },
  timeoutMs,
);

interface Person {
  readonly parley: Parley;
  readonly userId: string;
  readonly index: number;
  readonly seen: Map<string, Seen>;
  readonly faults: string[];
}

/** What one person saw of a room. */
interface Seen {
  last: bigint;
  posts: number;
  /** By author, the number of the next message. */
  readonly next: Map<string, number>;
}

async function join(index: number): Promise<Person> {
  // Most stay with WebSockets, in which the proxy knows frames; the others take what they can get.
  const parley = createParley({ url: proxy.url, transport: index < 4 ? "websocket" : "auto" });
  const { userId } = await parley.register({ username: `person${index}`, password: "correct horse" });
  const person: Person = { parley, userId, index, seen: new Map(), faults: [] };
  parley.on("event", ({ roomId, seq, actorId, body }) => {
    heard.resolve();
    const room = person.seen.get(roomId) ?? { last: seq - 1n, posts: 0, next: new Map() };
    person.seen.set(roomId, room);
    if (seq !== room.last + 1n) person.faults.push(`${roomId}: ${seq} came after ${room.last}`);
    room.last = seq;
    if (body.case !== "messagePosted") return;
    room.posts += 1;
    const next = room.next.get(actorId) ?? 0;
    const number = Number(body.value.text.split(" ")[1]);
    if (number !== next) person.faults.push(`${roomId}: message ${number} of ${actorId} in place of ${next}`);
    room.next.set(actorId, number + 1);
  });
  parley.on("reset", (roomId) => person.faults.push(`reset of ${roomId}`));
  parley.connect();
  await expect.poll(() => parley.connection.get().status).toBe("connected");
  return person;
}

async function makeRoom(people: readonly Person[], index: number) {
  const members = [0, 1, 2].map((each) => people[(index + each) % peopleCount]!);
  const [owner, ...others] = members;
  const memberIds = others.map(({ userId }) => userId);
  const { room } = await owner!.parley.rooms.createRoom({ name: `Room ${index}`, memberIds });
  return { roomId: room!.roomId, members };
}

function talk(lane: { roomId: string; person: Person; sent: number }, perLane: number): void {
  const { parley, index, userId, seen } = lane.person;
  const room = parley.room(lane.roomId);
  const pending = lane.sent - (seen.get(lane.roomId)?.next.get(userId) ?? 0);
  for (let more = mostPending - pending; more > 0 && lane.sent < perLane; more -= 1) {
    room.send(`${index} ${lane.sent}`);
    lane.sent += 1;
  }
}
