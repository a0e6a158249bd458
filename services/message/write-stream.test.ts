import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { WriteRequestSchema } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { createAsyncQueue } from "../common/async-queue.ts";
import { newId } from "../common/ids.ts";
import { startTestMessage, timelineOf } from "./test-message.ts";
import { joined, left } from "./test-peers.ts";
import { type Operation, openStream, send } from "./test-write-stream.ts";

describe("a gateway's stream", () => {
  test("acks every kind of write with the event that made it so", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const stream = openStream(parley);
    stream.introduce(1, ada.token);
    const post = send(roomId, "one", "c");
    const at = (seq: bigint) => ({ roomId, seq });
    const operations: Operation[] = [
      post,
      { case: "edit", value: { ...at(2n), text: "two" } },
      { case: "addReaction", value: { ...at(2n), emoji: "❤" } },
      { case: "removeReaction", value: { ...at(2n), emoji: "❤" } },
      { case: "markRead", value: at(4n) },
    ];
    const first = await Promise.all(stream.write(1, ...operations));
    const seqs = [2n, 3n, 4n, 5n, 4n];
    expect(first).toMatchObject(seqs.map((seq) => ({ seq, replayed: false })));
    expect(first.map((ack) => typeof ack === "object" && ack.at !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    const second = await Promise.all(
      stream.write(1, ...operations.filter(({ case: kind }) => kind !== "addReaction")),
    );
    expect(second).toEqual([0, 1, 3, 4].map((i) => ({ ...(first[i] as object), replayed: true })));
    const untouched: Operation = { case: "removeReaction", value: { ...at(2n), emoji: "👍" } };
    expect(await stream.write(1, untouched)[0]).toMatchObject({ seq: 2n, replayed: true });
    const remove: Operation = { case: "delete", value: at(2n) };
    const [deletion] = await Promise.all(stream.write(1, remove));
    expect(deletion).toMatchObject({ seq: 6n, replayed: false });
    expect(await stream.write(1, remove)[0]).toEqual({ ...(deletion as object), replayed: true });
    expect(await stream.write(1, post)[0]).toMatchObject({ seq: 2n, replayed: true });
  });

  test("keeps a caller's order in a room, and answers all that was asked before it ends", async () => {
    const parley = await startTestMessage();
    const people = await parley.people();
    const roomId = await parley.roomOf(...people);
    const stream = openStream(parley);
    for (const [i, { token }] of people.entries()) stream.introduce(i, token);
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 3; i++)
        void stream.write(i, send(roomId, `${i} ${round}a`), send(roomId, `${i} ${round}b`));
    }
    stream.end();
    await stream.done;
    expect(stream.order).toHaveLength(600);
    const events = await timelineOf(people[0], roomId);
    for (let i = 0; i < 3; i++) {
      const texts = events.flatMap(({ body }) => (body.case === "messagePosted" ? [body.value.text] : []));
      const expected = Array.from({ length: 100 }, (_, round) => [`${i} ${round}a`, `${i} ${round}b`]).flat();
      expect(texts.filter((text) => text.startsWith(`${i} `))).toEqual(expected);
    }
  });

  test("keeps it while it is asked at Room who is a member", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const stream = openStream(parley);
    stream.introduce(1, bob.token);
    await Promise.all(stream.write(1, send(newId(), "to nowhere")));
    for (let round = 0; round < 5; round++) {
      parley.room.decide(roomId, ada.userId, joined(bob.userId));
      const texts = Array.from({ length: 40 }, (_, i) => `${round} ${i}`);
      const outcomes = texts.map((text) => stream.write(1, send(roomId, text))[0]);
      expect((await Promise.all(outcomes)).every((outcome) => typeof outcome === "object")).toBe(true);
      const events = await timelineOf(ada, roomId);
      const posted = events.flatMap(({ body }) => (body.case === "messagePosted" ? [body.value.text] : []));
      expect(posted.filter((text) => text.startsWith(`${round} `))).toEqual(texts);
      await parley.room.change(roomId, bob.userId, left(bob.userId));
    }
  });

  test("refuses by the rules of the RPC of the same name", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const stream = openStream(parley);
    stream.introduce(1, ada.token);
    stream.introduce(2, bob.token);
    const reasons = stream.write(
      1,
      send(roomId, ""),
      send(roomId, "text", "sp ace"),
      send(roomId, "\ud800"),
      { case: "edit", value: { roomId, seq: 1n, text: "text" } },
      { case: "addReaction", value: { roomId, seq: 1n, emoji: "thumb" } },
      { case: "markRead", value: { roomId, seq: -1n } },
      { case: undefined },
    );
    expect(await Promise.all(reasons)).toEqual([
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "MESSAGE_NOT_FOUND",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
    ]);
    const bobs = stream.write(2, send(roomId, "text"), { case: "delete", value: { roomId, seq: 1n } });
    expect(await Promise.all(bobs)).toEqual(["ROOM_NOT_FOUND", "ROOM_NOT_FOUND"]);
  });

  test("knows callers by their tokens, until those or their sessions end", async () => {
    const parley = await startTestMessage();
    const ada = await parley.person();
    const roomId = await parley.roomOf(ada);
    const stream = openStream(parley);
    stream.introduce(1, ada.token);
    stream.introduce(2, "nonsense");
    stream.introduce(3, await parley.auth.sign(ada.userId, { lifetime: "2s" }));
    const write = (slot: number) => stream.write(slot, send(roomId, "text"))[0];
    expect(await write(1)).toMatchObject({ replayed: false });
    expect(await write(2)).toBe("UNAUTHENTICATED");
    expect(await write(3)).toMatchObject({ replayed: false });
    expect(await write(9)).toBe("UNAUTHENTICATED");
    await expect.poll(() => write(3), { timeout: 5000 }).toBe("TOKEN_EXPIRED");
    parley.auth.revoke(ada.sessionId);
    await expect.poll(() => write(1), { timeout: 2000 }).toBe("SESSION_REVOKED");
    stream.retire(1);
    expect(await write(1)).toBe("UNAUTHENTICATED");
  });

  test("does what is under way when it breaks, and repeating does it once", async () => {
    const parley = await startTestMessage();
    const ada = await parley.person();
    const roomId = await parley.roomOf(ada);
    const writes = Array.from({ length: 50 }, (_, i) => send(roomId, `m${i}`, `c${i}`));
    const aborting = new AbortController();
    const requests = createAsyncQueue<MessageInitShape<typeof WriteRequestSchema>>(10);
    const broken = (async () => {
      for await (const _ of parley.internal.write(requests, { signal: aborting.signal })) return;
    })().catch(() => undefined);
    requests.push({
      introductions: [{ slot: 1n, accessToken: ada.token }],
      writes: writes.map((operation, i) => ({ id: BigInt(i), slot: 1n, operation })),
    });
    await expect.poll(() => parley.published.length).toBeGreaterThan(1);
    aborting.abort();
    await broken;
    const stream = openStream(parley);
    stream.introduce(1, ada.token);
    const acks = await Promise.all(stream.write(1, ...writes));
    expect(acks.map((ack) => typeof ack === "object" && Number(ack.seq))).toEqual(
      writes.map((_, i) => i + 2),
    );
  });

  test("is limited by the rates of people and rooms, strangers not counted against a room", async () => {
    const rate = (count: number) => ({ count, perMs: 3_600_000 });
    const parley = await startTestMessage({ sendsPerUser: rate(4), sendsPerRoom: rate(5) });
    const [ada, bob, stranger] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const stream = openStream(parley);
    for (const [i, { token }] of [ada, bob, stranger].entries()) stream.introduce(i, token);
    const sends = async (slot: number, count: number) => {
      const outcomes: unknown[] = [];
      for (let i = 0; i < count; i++) {
        const outcome = await stream.write(slot, send(roomId, "text"))[0];
        outcomes.push(typeof outcome === "string" ? outcome : "ack");
      }
      return outcomes;
    };
    const strangers = await sends(2, 5);
    expect(strangers).toEqual([...Array(4).fill("ROOM_NOT_FOUND"), "RATE_LIMITED"]);
    expect(await sends(0, 5)).toEqual([...Array(4).fill("ack"), "RATE_LIMITED"]);
    expect(await sends(1, 3)).toEqual(["ack", "RATE_LIMITED", "RATE_LIMITED"]);
    const [limited] = stream.write(1, { case: "markRead", value: { roomId, seq: 1n } });
    expect(await limited).toMatchObject({ seq: 2n });
    expect(
      await parley.room.change(roomId, ada.userId, joined(stranger.userId, Role.MEMBER)),
    ).toBeUndefined();
  });
});

test("a stream shows signs of life, at its begin and while there is nothing to say", async () => {
  const stream = openStream(await startTestMessage());
  await expect.poll(() => stream.responses, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
});
