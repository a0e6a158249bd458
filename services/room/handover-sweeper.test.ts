import { expect, test } from "vitest";
import { RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { UnavailableError } from "../common/errors.ts";
import { newId } from "../common/ids.ts";
import { raiseAppliedVersion } from "./db/pending.ts";
import { insertRoom, saveRoom } from "./db/rooms.ts";
import { createHandoverSweeper } from "./handover-sweeper.ts";
import { openRoomDatabase } from "./test-database.ts";

const never = new AbortController().signal;

/** Rooms that wait since the given times, and a sweeper at a time that can be set. */
async function startSweeper(waitingSince: number[]) {
  const database = await openRoomDatabase();
  const { kysely } = database;
  const rooms: string[] = [];
  for (const pendingSince of waitingSince) {
    const roomId = newId();
    const [creatorId, createdAt] = [newId(), pendingSince];
    const room = await insertRoom(kysely, {
      roomId,
      kind: RoomKind.GROUP,
      name: "",
      topic: "",
      creatorId,
      createdAt,
    });
    await saveRoom(kysely, { ...room, version: 1, pendingSince });
    rooms.push(roomId);
  }
  const tried: string[] = [];
  const failing = new Set<string>();
  const time = { now: 0 };
  const handover = {
    async settle(roomId: string) {
      tried.push(roomId);
      if (failing.has(roomId)) throw new UnavailableError();
      await raiseAppliedVersion(kysely, roomId, 1);
    },
  };
  const { sweep } = createHandoverSweeper({ database, handover, clock: () => time.now });
  return {
    rooms,
    failing,
    time,
    /** Which rooms a sweep tries. */
    async sweep() {
      tried.length = 0;
      await sweep(never);
      return [...tried];
    },
  };
}

test("rooms that wait are handed over, the longest first, and then left alone", async () => {
  const sweeper = await startSweeper([3_000, 1_000, 2_000]);
  const [a, b, c] = sweeper.rooms;
  sweeper.time.now = 10_000;
  expect(await sweeper.sweep()).toEqual([b, c, a]);
  expect(await sweeper.sweep()).toEqual([]);
});

test("what is being handed over by its own call is left to it", async () => {
  const sweeper = await startSweeper([1_000, 9_000]);
  sweeper.time.now = 10_000;
  expect(await sweeper.sweep()).toEqual([sweeper.rooms[0]]);
});

test("a room that fails is tried less and less often, and holds no other up", async () => {
  const sweeper = await startSweeper([1_000, 2_000]);
  const [bad, good] = sweeper.rooms;
  sweeper.failing.add(bad ?? "");
  sweeper.time.now = 10_000;
  expect(await sweeper.sweep()).toEqual([bad, good]);
  expect(await sweeper.sweep()).toEqual([]);
  let tries = 0;
  for (let second = 0; second < 600; second++) {
    sweeper.time.now += 1_000;
    tries += (await sweeper.sweep()).length;
  }
  expect(tries).toBeGreaterThanOrEqual(10);
  expect(tries).toBeLessThan(30);
  sweeper.failing.clear();
  sweeper.time.now += 60_000;
  expect(await sweeper.sweep()).toEqual([bad]);
});

test("a sweep ends early when room after room fails, and the next one goes on with others", async () => {
  const sweeper = await startSweeper(Array.from({ length: 12 }, (_, index) => index));
  for (const room of sweeper.rooms) sweeper.failing.add(room);
  sweeper.time.now = 10_000;
  expect(await sweeper.sweep()).toEqual(sweeper.rooms.slice(0, 5));
  expect(await sweeper.sweep()).toEqual(sweeper.rooms.slice(5, 10));
});
