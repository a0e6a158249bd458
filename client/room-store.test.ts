import { setImmediate } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, onTestFinished, test, vi } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { MemberSchema, RoomSchema } from "#gen/parley/room/v1/room_pb.js";
import { createRoomStore, type RoomStoreDeps } from "./room-store.ts";

const roomId = "room";

interface Page {
  beforeSeq?: bigint;
  afterSeq?: bigint;
  pageSize: number;
}

/** A room of a thousand messages, whose pages come when the test says so. */
function setUp() {
  const events: TimelineEvent[] = [];
  const add = (body: MessageInitShape<typeof TimelineEventSchema>["body"]) => {
    const seq = BigInt(events.length + 1);
    events.push(create(TimelineEventSchema, { roomId, seq, actorId: "ada", body: body! }));
    return events.at(-1)!;
  };
  const post = () => {
    const seq = events.length + 1;
    return add({ case: "messagePosted", value: { clientId: `${seq}`, text: `${seq}` } });
  };
  const react = (seq: number) =>
    add({ case: "reactionAdded", value: { messageSeq: BigInt(seq), emoji: "👍" } });
  const join = (userId: string) => add({ case: "memberJoined", value: { userId } });
  while (events.length < 1000) post();
  const state = {
    isDown: false,
    gate: Promise.resolve(),
    roomGate: Promise.resolve(),
    asked: 0,
    memberCount: 1,
    members: ["ada", "me"],
  };
  const messages = {
    async listTimeline({ beforeSeq, afterSeq, pageSize }: Page, { signal }: { signal: AbortSignal }) {
      const isDown = state.isDown;
      await state.gate;
      signal.throwIfAborted();
      if (isDown) throw new TypeError("fetch failed");
      const from = afterSeq === undefined ? undefined : Number(afterSeq);
      if (from !== undefined) return { events: events.slice(from, from + pageSize) };
      const end = beforeSeq === undefined ? events.length : Number(beforeSeq) - 1;
      return { events: events.slice(Math.max(0, end - pageSize), end) };
    },
  };
  const store = createRoomStore(roomId, {
    messages,
    rooms: {
      async getRoom() {
        state.asked += 1;
        await state.roomGate;
        return { room: create(RoomSchema, { roomId, memberCount: state.memberCount }) };
      },
      async listMembers(_request: object, { signal }: { signal?: AbortSignal }) {
        const members = state.members.map((userId) => create(MemberSchema, { userId }));
        await state.gate;
        signal?.throwIfAborted();
        return { members, nextPageToken: "" };
      },
    },
    outbox: { of: () => [], settle: () => {} },
    userId: () => "me",
    numbers: () => undefined,
    knowHead: () => {},
    markRead: () => {},
    tellTyping: () => {},
    onHeld: () => {},
  } as unknown as RoomStoreDeps);
  const seqs = () => store.state.get().messages.map(({ seq }) => Number(seq));
  const hasHole = () => seqs().some((seq, index, all) => index > 0 && seq !== all[index - 1]! + 1);
  const members = () => store.state.get().members.map(({ userId }) => userId);
  return { store, post, react, join, state, seqs, hasHole, members };
}

async function scrolledUp() {
  const world = setUp();
  world.store.open();
  await expect.poll(() => world.store.state.get().status).toBe("ready");
  while (!world.store.state.get().hasNewer) await world.store.loadOlder();
  return world;
}

test("a jump to the newest that fails leaves everything as it was, and live", async () => {
  const { store, post, state, seqs } = await scrolledUp();
  const before = seqs();
  state.isDown = true;
  const jumping = store.jumpToLatest();
  store.event(post());
  await expect(jumping).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  expect(seqs()).toEqual(before);
  expect(store.state.get().lastSeq).toBe(1001n);
  store.event(post());
  expect(store.state.get().lastSeq).toBe(1002n);
  state.isDown = false;
  await store.jumpToLatest();
  expect(seqs().at(-1)).toBe(1002);
});

test("a jump gives up the pages that are under way, and two of them are one", async () => {
  const { store, post, state, seqs, hasHole } = await scrolledUp();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const asked = [store.loadOlder(), store.loadNewer(), store.jumpToLatest(), store.jumpToLatest()];
  store.event(post());
  gate.resolve();
  await Promise.all(asked);
  expect(hasHole()).toBe(false);
  expect(seqs().at(-1)).toBe(1001);
  expect(store.state.get().hasNewer).toBe(false);
  store.event(post());
  expect(seqs().at(-1)).toBe(1002);
});

test("loses nothing of what is looked at to what comes new", async () => {
  const { store, post, seqs } = setUp();
  store.open();
  await expect.poll(() => store.state.get().status).toBe("ready");
  store.keepFrom(950n);
  for (let count = 0; count < 1000; count += 1) store.event(post());
  expect(seqs()[0]).toBeGreaterThan(900);
  expect(seqs()[0]).toBeLessThanOrEqual(950);
  expect(seqs().length).toBeLessThanOrEqual(500);
  expect(store.state.get()).toMatchObject({ hasNewer: true, lastSeq: 2000n });
  // On the way down, what is above goes.
  while (store.state.get().hasNewer) {
    store.keepFrom(BigInt(seqs().at(-1)!));
    await store.loadNewer();
  }
  expect(seqs().at(-1)).toBe(2000);
  store.keepFrom(undefined);
  for (let count = 0; count < 1000; count += 1) store.event(post());
  expect(seqs().at(-1)).toBe(3000);
  expect(seqs().length).toBeLessThanOrEqual(500);
});

test("loses nothing of what is looked at to changes of what isn't, however many", async () => {
  const { store, react, state, seqs } = setUp();
  store.open();
  await expect.poll(() => store.state.get().status).toBe("ready");
  await store.loadOlder();
  store.keepFrom(850n);
  for (let seq = 1; seq <= 5001; seq += 1) store.event(react(seq));
  await setImmediate();
  expect(seqs()[0]).toBeLessThanOrEqual(850);
  const { asked } = state;
  // Now nobody looks further up any more: it is begun with anew.
  store.keepFrom(undefined);
  store.event(react(1));
  await expect.poll(() => state.asked).toBe(asked + 1);
});

test("goes along with the newest after a jump there, also if it was there", async () => {
  const { store, post, seqs } = setUp();
  store.open();
  await expect.poll(() => store.state.get().status).toBe("ready");
  store.keepFrom(950n);
  await store.jumpToLatest();
  for (let count = 0; count < 1000; count += 1) store.event(post());
  expect(seqs().at(-1)).toBe(2000);
});

test("who comes while it is loaded is counted once", async () => {
  const { store, join, state } = setUp();
  const gate = Promise.withResolvers<void>();
  state.roomGate = gate.promise;
  store.open();
  await expect.poll(() => state.asked).toBe(1);
  // The page was before it, the room's answer is after it.
  store.event(join("bob"));
  state.memberCount = 2;
  gate.resolve();
  await expect.poll(() => store.state.get().status).toBe("ready");
  expect(store.state.get().room?.memberCount).toBe(3);
  await expect.poll(() => store.state.get().room?.memberCount, { timeout: 5000 }).toBe(2);
  // Later, events alone tell.
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 60_000);
  onTestFinished(() => void vi.restoreAllMocks());
  state.memberCount = 0;
  store.event(join("carl"));
  expect(store.state.get().room?.memberCount).toBe(3);
});

test("who comes during a jump to the newest is a member, though the page has told of it", async () => {
  const { store, join, state, members, seqs } = await scrolledUp();
  await store.loadMembers();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const jumping = store.jumpToLatest();
  store.event(join("bob"));
  gate.resolve();
  await jumping;
  expect(seqs().at(-1)).toBe(1001);
  expect(members()).toEqual(["ada", "me", "bob"]);
});

test("members are loaded anew with the room, however often and whatever they were at", async () => {
  const { store, state, members } = setUp();
  store.open();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const loading = store.loadMembers();
  store.reset();
  state.members = ["ada"];
  gate.resolve();
  await loading;
  expect(members()).toEqual(["ada"]);
  state.members = ["me"];
  store.reset();
  store.reset();
  await expect.poll(members).toEqual(["me"]);
});

test("who was away from the room sees who is in it now", async () => {
  const { store, join, state, members } = setUp();
  store.open();
  await expect.poll(() => store.state.get().status).toBe("ready");
  await store.loadMembers();
  store.gone();
  join("bob");
  state.members = ["ada", "bob", "me"];
  store.event(join("me"));
  await expect.poll(members).toEqual(["ada", "bob", "me"]);
});

test("a room that is gone while it is loaded stays so, however near it was", async () => {
  for (let turns = 0; turns < 10; turns += 1) {
    const { store, state } = setUp();
    const gate = Promise.withResolvers<void>();
    state.roomGate = gate.promise;
    store.open();
    await expect.poll(() => state.asked, { interval: 1 }).toBe(1);
    gate.resolve();
    for (let turn = 0; turn < turns; turn += 1) await undefined;
    store.gone();
    await setImmediate();
    expect(store.state.get().status).toBe("gone");
  }
});
