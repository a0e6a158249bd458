import { describe, expect, test } from "vitest";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import { insertChanges } from "./db/changes.ts";
import { insertRoom, saveRoom } from "./db/rooms.ts";
import { changesPerSlice, createHandover } from "./handover.ts";
import { changesOfCalls, openRoomDatabase } from "./test-database.ts";
import { serveMessagePeer } from "./test-peers.ts";
import { createRoom, given, logger, refusal, startTestRoom, versionsOf } from "./test-room.ts";

describe("while the timeline can't be reached", () => {
  test("a change is UNAVAILABLE, and in the timeline once when it is repeated", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    const request = { roomId, name: "new" };
    for (const fault of ["refuses", "loses answers"] as const) {
      parley.message.fault = fault;
      expect(await refusal(ana.rooms.updateRoom({ ...request, name: fault }))).toBe("UNAVAILABLE");
      parley.message.fault = "none";
      const { room } = await ana.rooms.updateRoom({ ...request, name: fault });
      expect(given(room).name).toBe(fault);
    }
    const names = parley.message.changesOf(roomId).slice(2);
    expect(names.map(({ body }) => body.value)).toMatchObject([
      { name: "refuses" },
      { name: "loses answers" },
    ]);
  });

  test("a caller who gives up meanwhile only misses the answer", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    const { promise, resolve } = Promise.withResolvers<void>();
    parley.message.hold = promise;
    const request = { roomId, name: "new" };
    expect(await refusal(ana.rooms.updateRoom(request, { timeoutMs: 100 }))).toBe("DEADLINE_EXCEEDED");
    expect(parley.message.timelineOf(roomId)).toHaveLength(1);
    resolve();
    const { room } = await ana.rooms.updateRoom(request);
    expect(given(room).name).toBe("new");
    expect(parley.message.timelineOf(roomId).slice(1)).toEqual(["roomUpdated"]);
  });

  test("a refusal that follows from a change waits for it as well", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    parley.message.fault = "refuses";
    expect(await refusal(ana.rooms.removeMember({ roomId, userId: ben.userId }))).toBe("UNAVAILABLE");
    expect(await refusal(ben.rooms.leaveRoom({ roomId }))).toBe("UNAVAILABLE");
    expect(parley.message.changesOf(roomId)).toHaveLength(2);
    parley.message.fault = "none";
    expect(await refusal(ben.rooms.leaveRoom({ roomId }))).toBe("ROOM_NOT_FOUND");
    expect(parley.message.timelineOf(roomId).at(-1)).toBe(`memberRemoved ${ben.userId}`);
  });

  test("a room is made, and found by its client id", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const request = { name: "room", clientId: "a" };
    parley.message.fault = "refuses";
    expect(await refusal(ana.rooms.createRoom(request))).toBe("UNAVAILABLE");
    parley.message.fault = "none";
    const { room, replayed } = await ana.rooms.createRoom(request);
    expect(replayed).toBe(true);
    expect(parley.message.changesOf(given(room).roomId)).toHaveLength(1);
  });

  test("a direct room is made, and the same when opened again", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    parley.message.fault = "refuses";
    expect(await refusal(ana.rooms.openDirectRoom({ userId: ben.userId }))).toBe("UNAVAILABLE");
    parley.message.fault = "none";
    const { room } = await ben.rooms.openDirectRoom({ userId: ana.userId });
    expect(parley.message.changesOf(given(room).roomId)[0]?.actorId).toBe(ana.userId);
  });

  test("one who came by the last use is answered with the room, others once that stands", async () => {
    const parley = await startTestRoom();
    const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
    const roomId = await createRoom(ana);
    const { code } = await ana.rooms.createInvitation({ roomId, maxUses: 1 });
    const accept = { by: { case: "code" as const, value: code } };
    parley.message.fault = "refuses";
    expect(await refusal(ben.rooms.acceptInvitation(accept))).toBe("UNAVAILABLE");
    expect(await refusal(eve.rooms.acceptInvitation(accept))).toBe("UNAVAILABLE");
    parley.message.fault = "none";
    expect(await refusal(eve.rooms.acceptInvitation(accept))).toBe("INVITATION_NOT_FOUND");
    expect(parley.message.timelineOf(roomId).at(-1)).toBe(`memberJoined ${ben.userId}`);
    expect(await refusal(ben.rooms.acceptInvitation(accept))).toBeUndefined();
  });

  test("the ways into a deleted room are answered for until its deletion stands", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana);
    const { code } = await ana.rooms.createInvitation({ roomId });
    const accept = { by: { case: "code" as const, value: code } };
    parley.message.fault = "refuses";
    expect(await refusal(ana.rooms.deleteRoom({ roomId }))).toBe("UNAVAILABLE");
    expect(await refusal(ben.rooms.acceptInvitation(accept))).toBe("UNAVAILABLE");
    parley.message.fault = "none";
    expect(await refusal(ben.rooms.acceptInvitation(accept))).toBe("INVITATION_NOT_FOUND");
    expect(parley.message.timelineOf(roomId).at(-1)).toBe("roomDeleted");
  });

  test("changes come by themselves when it is back", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    parley.message.fault = "refuses";
    expect(await refusal(ana.rooms.updateRoom({ roomId, name: "new" }))).toBe("UNAVAILABLE");
    parley.message.fault = "none";
    parley.clock.advance(60_000);
    await expect.poll(() => parley.message.changesOf(roomId).length, { timeout: 5_000 }).toBe(2);
  });

  test("changes wait over a restart", async () => {
    const parley = await startTestRoom();
    const ana = await parley.person();
    const roomId = await createRoom(ana);
    parley.message.fault = "refuses";
    await refusal(ana.rooms.updateRoom({ roomId, name: "new" }));
    await parley.close();
    const { folder, clock, message } = parley;
    clock.advance(60_000);
    const again = await startTestRoom({ folder, clock, applied: message.rooms });
    await expect.poll(() => again.message.changesOf(roomId).length, { timeout: 5_000 }).toBe(2);
  });
});

test("what many change at once is handed over together", async () => {
  const parley = await startTestRoom();
  const ana = await parley.person();
  const roomId = await createRoom(ana);
  const { promise, resolve } = Promise.withResolvers<void>();
  parley.message.hold = promise;
  const before = parley.message.requests;
  const updates = Array.from({ length: 20 }, (_, index) =>
    ana.rooms.updateRoom({ roomId, name: `${index}` }),
  );
  await expect
    .poll(async () => (await parley.internal.listRoomChanges({ roomId, afterVersion: 0n })).changes.length)
    .toBe(21);
  expect(parley.message.requests - before).toBe(1);
  resolve();
  await Promise.all(updates);
  expect(parley.message.requests - before).toBeLessThanOrEqual(3);
  expect(versionsOf(parley.message.changesOf(roomId))).toEqual(
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
});

test("a long backlog goes over in slices of whole calls", async () => {
  const database = await openRoomDatabase();
  const { kysely } = database;
  const rpc = createLocalRpc({ logger });
  const message = serveMessagePeer(rpc);
  const handover = createHandover({ database, rpc, logger });
  const [roomId, creatorId] = [newId(), newId()];
  const version = 2 * changesPerSlice;
  const fresh = { roomId, kind: RoomKind.GROUP, name: "", topic: "", creatorId, createdAt: 0 };
  const room = await insertRoom(kysely, fresh);
  await saveRoom(kysely, { ...room, version, pendingSince: 0 });
  await insertChanges(kysely, changesOfCalls(roomId, changesPerSlice - 1, 2, changesPerSlice - 1));
  await handover.settle(roomId);
  expect(message.requests).toBe(3);
  expect(message.changesOf(roomId)).toHaveLength(version);
  await handover.settle(roomId);
  expect(message.requests).toBe(3);
});

describe("ListRoomChanges", () => {
  test("answers what follows a version", async () => {
    const parley = await startTestRoom();
    const [ana, ben] = [await parley.person(), await parley.person()];
    const roomId = await createRoom(ana, ben);
    await ana.rooms.updateMember({ roomId, userId: ben.userId, role: Role.ADMIN });
    const { changes, hasMore } = await parley.internal.listRoomChanges({ roomId, afterVersion: 2n });
    expect(changes).toEqual(parley.message.changesOf(roomId).slice(2));
    expect(hasMore).toBe(false);
  });

  test("answers nothing of rooms that never were", async () => {
    const parley = await startTestRoom();
    const { changes } = await parley.internal.listRoomChanges({ roomId: "x" });
    expect(changes).toEqual([]);
  });
});

test("a caller who gives up while it is asked who exists makes no room", async () => {
  const parley = await startTestRoom();
  const [ana, ben] = [await parley.person(), await parley.person()];
  const { promise, resolve } = Promise.withResolvers<void>();
  parley.auth.hold = promise;
  const request = { name: "room", memberIds: [ben.userId], clientId: "a" };
  expect(await refusal(ana.rooms.createRoom(request, { timeoutMs: 100 }))).toBe("DEADLINE_EXCEEDED");
  resolve();
  expect((await ana.rooms.listRooms({})).rooms).toEqual([]);
  expect((await ana.rooms.createRoom(request)).replayed).toBe(false);
});
