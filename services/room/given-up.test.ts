import { describe, expect, test } from "vitest";
import { holdWriters } from "../common/database/test-hold.ts";
import { testServer } from "../common/database/test-place.ts";
import { createRoom, given, refusal, startTestRoom } from "./test-room.ts";

describe.skipIf(testServer !== undefined)("while the database is kept by somebody else", () => {
  test("writes whose callers are gone by the time of their turn are not done", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    const release = holdWriters(parley.folder, "room");
    const gone = new AbortController();
    // One waits for the database itself, the others for the one before them.
    const calls = [
      refusal(ana.rooms.updateRoom({ roomId, name: "first" }, { signal: gone.signal })),
      refusal(ana.rooms.updateRoom({ roomId, name: "second" }, { timeoutMs: 200 })),
      refusal(ana.rooms.createRoom({ name: "another" }, { signal: gone.signal })),
    ];
    const patient = ana.rooms.updateRoom({ roomId, topic: "still here" });
    expect(await calls[1]).toBe("DEADLINE_EXCEEDED");
    gone.abort();
    expect(await Promise.all(calls)).toEqual(["CANCELLED", "DEADLINE_EXCEEDED", "CANCELLED"]);
    release();
    expect(given((await patient).room)).toMatchObject({ name: "room", topic: "still here" });
    expect(parley.message.timelineOf(roomId).slice(1)).toEqual(["roomUpdated"]);
    expect((await ana.rooms.listRooms({})).rooms).toHaveLength(1);
  });
});

test("who shares the handing over with a caller who gave up is served", async () => {
  const parley = await startTestRoom();
  const [ana, ben] = [await parley.person(), await parley.person()];
  const roomId = await createRoom(ana, ben);
  const { promise, resolve } = Promise.withResolvers<void>();
  parley.message.hold = promise;
  const gone = new AbortController();
  const { requests } = parley.message;
  const first = refusal(ana.rooms.updateRoom({ roomId, name: "new" }, { signal: gone.signal }));
  await expect.poll(() => parley.message.requests).toBe(requests + 1);
  const second = refusal(ana.rooms.updateRoom({ roomId, topic: "new" }, { signal: gone.signal }));
  const third = ben.rooms.leaveRoom({ roomId });
  gone.abort();
  expect(await Promise.all([first, second])).toEqual(["CANCELLED", "CANCELLED"]);
  resolve();
  await third;
  expect(parley.message.timelineOf(roomId).at(-1)).toBe(`memberLeft ${ben.userId}`);
});
