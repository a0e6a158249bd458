import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomSchema } from "#gen/parley/room/v1/room_pb.js";
import { GetRoomResponseSchema } from "#gen/parley/room/v1/room_service_pb.js";
import { createKeptRoom } from "./kept-room.ts";
import { useTestClock } from "./test-clock.ts";

useTestClock();

/** A room that people come to, and whose answers come when the test says so. */
async function setUp() {
  const server = { memberCount: 1, asked: 0, gate: Promise.resolve() };
  const kept = createKeptRoom({
    roomId: "tea",
    rooms: {
      async getRoom() {
        server.asked += 1;
        const room = create(RoomSchema, { roomId: "tea", memberCount: server.memberCount });
        await server.gate;
        return create(GetRoomResponseSchema, { room });
      },
    },
    userId: () => "ada",
    onChange: () => {},
  });
  const life = new AbortController();
  /** Somebody comes, and is told of: the server knows before. */
  const told = () => {
    const body = { case: "memberJoined", value: { userId: "bob" } } as const;
    kept.event(create(TimelineEventSchema, { roomId: "tea", body }), life.signal);
  };
  const join = () => {
    server.memberCount += 1;
    told();
  };
  await kept.ask(life.signal);
  return { kept, server, life, told, join };
}

test("who comes while the room is counted anew is counted once", async () => {
  const { kept, server, told, join } = await setUp();
  // Of before the answer.
  told();
  expect(kept.room?.memberCount).toBe(2);
  const gate = Promise.withResolvers<void>();
  server.gate = gate.promise;
  await vi.advanceTimersByTimeAsync(1_000);
  join();
  gate.resolve();
  await vi.advanceTimersByTimeAsync(0);
  // The answer is of before that: it isn't taken.
  expect(kept.room?.memberCount).toBe(3);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(kept.room?.memberCount).toBe(2);
  expect(server.asked).toBe(3);
});

test("a room to which people come all the time is counted anew a few times", async () => {
  const { kept, server, join } = await setUp();
  for (let count = 0; count < 100; count += 1) {
    join();
    await vi.advanceTimersByTimeAsync(300);
  }
  expect(server.asked).toBe(4);
  expect(kept.room?.memberCount).toBe(101);
});

test("what is given up isn't counted on, and what begins then is", async () => {
  const { kept, server, life, told } = await setUp();
  told();
  life.abort();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(kept.room?.memberCount).toBe(2);
  await kept.ask(new AbortController().signal);
  expect(kept.room?.memberCount).toBe(1);
  const { asked } = server;
  kept.event(
    create(TimelineEventSchema, { body: { case: "memberLeft", value: { userId: "bob" } } }),
    new AbortController().signal,
  );
  await vi.advanceTimersByTimeAsync(1_000);
  expect(server.asked).toBe(asked + 1);
  expect(kept.room?.memberCount).toBe(1);
});
