import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { roomTopic } from "../common/events/topics.ts";
import { newId } from "../common/ids.ts";
import { type Person, refusal, startTestMessage, timelineOf } from "./test-message.ts";
import {
  type ChangeBody,
  createChanges,
  deleted,
  gotRole,
  invited,
  joined,
  left,
  removed,
  updated,
} from "./test-peers.ts";

const kindsOf = async (reader: Person, roomId: string) =>
  (await timelineOf(reader, roomId)).map(({ body }) => body.case);

describe("changes of rooms", () => {
  test("become events, members and feed entries", async () => {
    const parley = await startTestMessage();
    const [ada, bob, eve] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const invitationId = newId();
    const change = (actor: Person, ...bodies: ChangeBody[]) =>
      parley.room.change(roomId, actor.userId, ...bodies);
    await change(ada, updated("name", "topic"));
    await change(ada, invited(eve.userId, invitationId));
    await change(eve, joined(eve.userId));
    await change(ada, gotRole(eve.userId, Role.ADMIN));
    await change(ada, removed(bob.userId));
    await change(eve, left(eve.userId));
    const events = await timelineOf(ada, roomId);
    const bodies = events.map(({ actorId, body }) => ({
      actorId,
      case: body.case,
      ...(body.value as object),
    }));
    expect(bodies).toMatchObject([
      { actorId: ada.userId, case: "memberJoined", userId: ada.userId, role: Role.OWNER },
      { actorId: ada.userId, case: "memberJoined", userId: bob.userId, role: Role.MEMBER },
      { actorId: ada.userId, case: "roomUpdated", name: "name", topic: "topic" },
      { actorId: eve.userId, case: "memberJoined", userId: eve.userId, role: Role.MEMBER },
      { actorId: ada.userId, case: "roleChanged", userId: eve.userId, role: Role.ADMIN },
      { actorId: ada.userId, case: "memberRemoved", userId: bob.userId },
      { actorId: eve.userId, case: "memberLeft", userId: eve.userId },
    ]);
    const { entries } = await eve.calls.listFeed({});
    expect(entries.map(({ seq, body }) => [seq, body.case, body.value])).toMatchObject([
      [1n, "invited", { roomId, invitationId }],
      [2n, "roomJoined", { roomId, seq: 4n }],
      [3n, "roomLeft", { roomId, reason: 1 }],
    ]);
    for (const gone of [bob, eve]) {
      expect(await refusal(gone.send(roomId, "text"))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(gone.calls.listMessages({ roomId }))).toBe("ROOM_NOT_FOUND");
    }
  });

  test("are applied once, whatever comes twice, late, early or at once", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = newId();
    const calls: RoomChange[][] = [];
    calls.push(parley.room.decide(roomId, ada.userId, joined(ada.userId, Role.OWNER), joined(bob.userId)));
    for (let i = 0; i < 10; i++) {
      calls.push(parley.room.decide(roomId, bob.userId, left(bob.userId)));
      calls.push(parley.room.decide(roomId, ada.userId, joined(bob.userId)));
    }
    const mixed = [...calls.toReversed(), ...calls, ...calls.toSorted(() => -1)];
    const versions = await Promise.all(mixed.map((call) => parley.room.handOver(call)));
    for (const [i, version] of versions.entries()) {
      expect(version).toBeGreaterThanOrEqual(Number(mixed[i]!.at(-1)!.version));
    }
    expect(await kindsOf(ada, roomId)).toEqual([
      "memberJoined",
      "memberJoined",
      ...Array.from({ length: 10 }, () => ["memberLeft", "memberJoined"]).flat(),
    ]);
    expect((await bob.calls.listFeed({ pageSize: 200 })).entries).toHaveLength(21);
  });

  test("with another id than known are refused loudly, and change nothing", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const [strange] = createChanges(roomId, ada.userId, 0, [joined(bob.userId)]);
    const further = createChanges(roomId, ada.userId, 1, [joined(bob.userId)]);
    const error = await parley.room.handOver([strange!, ...further]).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: Code.FailedPrecondition });
    expect(await kindsOf(ada, roomId)).toEqual(["memberJoined"]);
  });

  test("of the last to leave end the room", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    await parley.room.change(roomId, ada.userId, left(ada.userId), deleted());
    expect(await refusal(ada.send(roomId, "text"))).toBe("ROOM_NOT_FOUND");
    const { events } = await parley.internal.readTimeline({ roomId, limit: 10 });
    expect(events.map(({ body }) => body.case)).toEqual(["memberJoined", "memberLeft", "roomDeleted"]);
    const { entries } = await ada.calls.listFeed({});
    expect(entries.map(({ body }) => body.case)).toEqual(["roomJoined", "roomLeft"]);
    expect((await ada.calls.listInbox({})).items).toEqual([]);
    expect((await parley.internal.getUserState({ userId: ada.userId })).rooms).toEqual([]);
  });

  test("that come over the event log only are pulled", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = newId();
    const changes = parley.room.decide(roomId, ada.userId, joined(ada.userId, Role.OWNER));
    const records = changes.map((message) => ({ key: roomId, number: message.version, message }));
    await parley.events.publish(roomTopic, records);
    expect(parley.room.pulls).toBe(1);
    expect((await parley.internal.readTimeline({ roomId, limit: 10 })).headSeq).toBe(1n);
    await parley.events.publish(roomTopic, records);
    expect(parley.room.pulls).toBe(1);
  });
});

describe("who is missing", () => {
  test("is looked for at Room, once for all who ask, before a write or a read is refused", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada);
    parley.room.decide(roomId, ada.userId, joined(bob.userId));
    const sends = Array.from({ length: 10 }, (_, i) => bob.send(roomId, `m${i}`));
    await Promise.all([...sends, bob.calls.listTimeline({ roomId }), bob.calls.listMessages({ roomId })]);
    expect(parley.room.pulls).toBeLessThanOrEqual(3);
    expect((await timelineOf(bob, roomId)).filter(({ actorId }) => actorId === bob.userId)).toHaveLength(10);
    const before = parley.room.pulls;
    await bob.send(roomId, "known now");
    expect(parley.room.pulls).toBe(before);
  });

  test("is a stranger as long as Room can't be reached", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada);
    parley.room.decide(roomId, ada.userId, joined(bob.userId));
    parley.room.down = true;
    expect(await refusal(bob.send(roomId, "text"))).toBe("ROOM_NOT_FOUND");
    expect(await refusal(bob.calls.getMessage({ roomId, seq: 1n }))).toBe("ROOM_NOT_FOUND");
    await ada.send(roomId, "members go on");
    parley.room.down = false;
    await bob.send(roomId, "text");
  });
});
