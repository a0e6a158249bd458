import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomSchema } from "#gen/parley/room/v1/room_pb.js";
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
  const post = () => {
    const seq = BigInt(events.length + 1);
    const body = { case: "messagePosted", value: { clientId: `${seq}`, text: `${seq}` } } as const;
    events.push(create(TimelineEventSchema, { roomId, seq, actorId: "ada", body }));
    return events.at(-1)!;
  };
  while (events.length < 1000) post();
  const state = { isDown: false, gate: Promise.resolve() };
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
    rooms: { getRoom: async () => ({ room: create(RoomSchema, { roomId }) }) },
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
  return { store, post, state, seqs, hasHole };
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
