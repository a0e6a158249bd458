import { beforeAll, describe, expect, test } from "vitest";
import { ok, type Person, roomOf, send } from "./api.ts";
import { createRealtimeWorld, failed, message, realtimeCases, seqs } from "./realtime-world.ts";

describe.each(realtimeCases)("realtime, membership: $name, $subprotocol", (variant) => {
  const world = createRealtimeWorld(variant);
  const { online } = world;
  let ada: Person;
  let bob: Person;
  beforeAll(() => {
    [ada, bob] = world.people;
  });

  test("who joins sees the room from their own memberJoined, who is removed sees that last", async () => {
    const room = await roomOf(ada);
    await send(ada, room, "before");
    const client = await online(bob);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    await ok(bob.post("/v1/invitations:accept", { code }));
    await send(ada, room, "while in");
    await client.untilSeq(room, 4);
    await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`));
    await client.untilSeq(room, 5);
    await send(ada, room, "after");
    expect(failed(await client.request(message(room, "still here?")))).toBe("ROOM_NOT_FOUND");
    await client.next((frame) => frame.feed?.roomLeft?.roomId === room);
    const again = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    await ok(bob.post("/v1/invitations:accept", { code: again.code }));
    await client.untilSeq(room, 7);
    expect(seqs(client, room)).toEqual([3, 4, 5, 7]);
    expect(client.events(room)[0].memberJoined.userId).toBe(bob.userId);
    expect(client.events(room)[2].memberRemoved.userId).toBe(bob.userId);
    expect((await client.request(message(room, "back"))).ack.seq).toBe("8");
  });

  test("a deleted room ends with roomDeleted", async () => {
    const room = await roomOf(ada, bob);
    const client = await online(bob);
    await ok(ada.delete(`/v1/rooms/${room}`));
    await client.untilSeq(room, 3);
    expect(client.events(room)).toEqual([expect.objectContaining({ seq: "3", roomDeleted: {} })]);
    const back = await online(bob, { rooms: [{ roomId: room, afterSeq: "0" }] });
    expect((await back.kind("roomGone")).roomGone).toEqual({ roomId: room });
  });
});
