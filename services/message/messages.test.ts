import { timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { newId } from "../common/ids.ts";
import { given, messageOf, type Person, refusal, startTestMessage, timelineOf } from "./test-message.ts";
import { gotRole, left } from "./test-peers.ts";

const react = ({ calls }: Person, roomId: string, seq: bigint, emoji: string) =>
  calls.addReaction({ roomId, seq, emoji });

describe("sending", () => {
  test("numbers without a gap, whoever sends how much at once", async () => {
    const parley = await startTestMessage();
    const people = await parley.people(5);
    const rooms = await Promise.all(Array.from({ length: 3 }, () => parley.roomOf(...people)));
    const sends = Array.from({ length: 600 }, (_, i) => people[i % 5]!.send(rooms[i % 3]!, `message ${i}`));
    await Promise.all(sends);
    for (const roomId of rooms) {
      const events = await timelineOf(people[0], roomId);
      expect(events.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 205 }, (_, i) => i + 1));
      const times = events.map(({ at }) => timestampMs(given(at)));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const told = () => parley.published.filter(({ key }) => key === roomId);
      await expect.poll(() => told().length).toBe(205);
      expect(told().map(({ message }) => message)).toEqual(events);
    }
  });

  test("one client id is one message, in one batch and across, until it is deleted and after", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const request = { roomId, clientId: "once", text: "text" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.calls.sendMessage(request)));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ message }) => given(message).seq))).toEqual(new Set([3n]));
    expect(await bob.calls.sendMessage(request)).toMatchObject({ replayed: false });
    const [, clash] = await Promise.all([
      ada.calls.sendMessage({ roomId, clientId: "two", text: "one thing" }),
      refusal(ada.calls.sendMessage({ roomId, clientId: "two", text: "another" })),
    ]);
    expect(clash).toBe("CLIENT_ID_REUSED");
    await ada.calls.deleteMessage({ roomId, seq: 3n });
    const replay = await ada.calls.sendMessage({ ...request, text: "other" });
    expect(replay).toMatchObject({ replayed: true, message: { seq: 3n, text: "" } });
  });

  test("what was sent first is what counts, after edits too, and with it what it answers", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const first = await ada.send(roomId, "first");
    const request = { roomId, clientId: "c", text: "a", replyToSeq: first.seq };
    const { message } = await ada.calls.sendMessage(request);
    await ada.calls.editMessage({ roomId, seq: given(message).seq, text: "b" });
    expect(await ada.calls.sendMessage(request)).toMatchObject({ replayed: true, message: { text: "b" } });
    for (const other of [{ text: "b" }, { replyToSeq: undefined }, { replyToSeq: 99n }]) {
      expect(await refusal(ada.calls.sendMessage({ ...request, ...other }))).toBe("CLIENT_ID_REUSED");
    }
  });

  test("answers only messages, deleted or not", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const { seq } = await ada.send(roomId, "text");
    await ada.calls.deleteMessage({ roomId, seq });
    expect((await ada.send(roomId, "answer", seq)).replyToSeq).toBe(seq);
    for (const none of [1n, 3n, 99n, 2n ** 62n]) {
      expect(await refusal(ada.send(roomId, "answer", none))).toBe("MESSAGE_NOT_FOUND");
    }
  });

  test("rooms that are none are none", async () => {
    const parley = await startTestMessage();
    const ada = await parley.person();
    for (const roomId of ["", "nonsense", newId(), newId().toUpperCase(), "../x"]) {
      expect(await refusal(ada.send(roomId, "text"))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(ada.calls.listTimeline({ roomId }))).toBe("ROOM_NOT_FOUND");
      expect(await refusal(ada.calls.markRead({ roomId, seq: 1n }))).toBe("ROOM_NOT_FOUND");
    }
  });
});

describe("editing", () => {
  test("is the author's, of what stands, and the same text is no event", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const { seq } = await bob.send(roomId, "one");
    const edit = (who: Person, text: string, at = seq) => who.calls.editMessage({ roomId, seq: at, text });
    expect(await refusal(edit(ada, "two"))).toBe("NOT_AUTHOR");
    expect(await refusal(edit(ada, "two", 1n))).toBe("MESSAGE_NOT_FOUND");
    await edit(bob, "one");
    expect((await messageOf(ada, roomId, seq)).editedAt).toBeUndefined();
    await Promise.all(Array.from({ length: 5 }, () => edit(bob, "two")));
    await edit(bob, "three");
    await edit(bob, "two");
    const events = await timelineOf(ada, roomId);
    const texts = events.flatMap(({ body }) => (body.case === "messageEdited" ? [body.value.text] : []));
    expect(texts).toEqual(["two", "three", "two"]);
    expect((await messageOf(ada, roomId, seq)).editedAt).toEqual(events.at(-1)?.at);
    await bob.calls.deleteMessage({ roomId, seq });
    expect(await refusal(edit(bob, "four"))).toBe("MESSAGE_DELETED");
    expect(await refusal(edit(ada, "four"))).toBe("NOT_AUTHOR");
  });
});

describe("deleting", () => {
  test("goes by rank, of whom it is too, and those who left rank lowest", async () => {
    const parley = await startTestMessage();
    const [owner, moderator, admin, member] = await parley.people(4);
    const roomId = await parley.roomOf(owner, moderator, admin, member!);
    const roles = [gotRole(moderator.userId, Role.MODERATOR), gotRole(admin.userId, Role.ADMIN)];
    await parley.room.change(roomId, owner.userId, ...roles);
    const deletes = async (who: Person, whose: Person) => {
      const { seq } = await whose.send(roomId, "text");
      return refusal(who.calls.deleteMessage({ roomId, seq }));
    };
    const refused: [Person, Person][] = [
      [member!, owner],
      [member!, moderator],
      [moderator, owner],
      [moderator, admin],
      [admin, owner],
    ];
    for (const [who, whose] of refused) expect(await deletes(who, whose)).toBe("ROLE_TOO_LOW");
    const taken: [Person, Person][] = [
      [member!, member!],
      [moderator, member!],
      [admin, moderator],
      [owner, admin],
      [owner, owner],
    ];
    for (const [who, whose] of taken) expect(await deletes(who, whose)).toBeUndefined();
    const { seq } = await admin.send(roomId, "text");
    await parley.room.change(roomId, admin.userId, left(admin.userId));
    expect(await refusal(member!.calls.deleteMessage({ roomId, seq }))).toBe("ROLE_TOO_LOW");
    expect(await refusal(moderator.calls.deleteMessage({ roomId, seq }))).toBeUndefined();
  });

  test("an inbox falls back to the last message that stands", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const lastText = async () => (await bob.calls.listInbox({})).items[0]?.lastMessage?.text;
    const remove = (seq: bigint) => ada.calls.deleteMessage({ roomId, seq });
    const texts = Array.from({ length: 8 }, (_, i) => `m${i}`);
    const seqs: bigint[] = [];
    for (const text of texts) seqs.push((await ada.send(roomId, text)).seq);
    for (const index of [5, 6, 3]) await remove(seqs[index]!);
    expect(await lastText()).toBe("m7");
    await remove(seqs[7]!);
    expect(await lastText()).toBe("m4");
    const again = await ada.send(roomId, "again");
    await remove(seqs[4]!);
    expect(await lastText()).toBe("again");
    await remove(again.seq);
    expect(await lastText()).toBe("m2");
    for (const index of [0, 1, 2]) await remove(seqs[index]!);
    expect(await lastText()).toBeUndefined();
    await ada.send(roomId, "anew");
    expect(await lastText()).toBe("anew");
  });
});

describe("reacting", () => {
  test("counts people, in the order in which each emoji first came", async () => {
    const parley = await startTestMessage();
    const people = await parley.people();
    const [ada, bob, eve] = people;
    const roomId = await parley.roomOf(...people);
    const { seq } = await ada.send(roomId, "text");
    await Promise.all(
      people.flatMap((person) => [react(person, roomId, seq, "👍"), react(person, roomId, seq, "👍")]),
    );
    await react(bob, roomId, seq, "❤");
    await bob.calls.removeReaction({ roomId, seq, emoji: "👍" });
    await ada.calls.removeReaction({ roomId, seq, emoji: "❤️" });
    const reactions = async (reader: Person) =>
      (await messageOf(reader, roomId, seq)).reactions.map(({ emoji, count, mine }) => [emoji, count, mine]);
    expect(await reactions(bob)).toEqual([
      ["👍", 2, false],
      ["❤️", 1, true],
    ]);
    for (const person of [ada, eve]) await person.calls.removeReaction({ roomId, seq, emoji: "👍" });
    await react(eve, roomId, seq, "👍");
    expect(await reactions(eve)).toEqual([
      ["❤️", 1, false],
      ["👍", 1, true],
    ]);
    expect((await timelineOf(ada, roomId)).filter(({ body }) => body.case === "reactionAdded")).toHaveLength(
      5,
    );
  });

  test("a deleted message has none and takes none", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const roomId = await parley.roomOf(ada, bob);
    const { seq } = await ada.send(roomId, "text");
    await react(bob, roomId, seq, "👍");
    await ada.calls.deleteMessage({ roomId, seq });
    expect((await messageOf(bob, roomId, seq)).reactions).toEqual([]);
    expect(await refusal(react(bob, roomId, seq, "👍"))).toBe("MESSAGE_DELETED");
    expect(await refusal(react(bob, roomId, seq, "thumbs up"))).toBe("INVALID_ARGUMENT");
    expect(await refusal(react(bob, roomId, 1n, "👍"))).toBe("MESSAGE_NOT_FOUND");
  });
});
