import { describe, expect, test } from "vitest";
import { testServer } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { brief, dump, openTestDatabase, roomChange } from "./test-database.ts";
import { createFolder, given, startTestMessage, type TestMessage } from "./test-message.ts";
import { eventKind, type Op, rank } from "./types.ts";

/** SQLite is one process's. */
describe.runIf(testServer !== undefined)("several replicas on one database", () => {
  /** A database as two replicas have it, with a room of two, and what they append. */
  async function openTwice() {
    const folder = await createFolder();
    const [one, two] = [await openTestDatabase(folder), await openTestDatabase(folder)];
    const [roomId, ada, bob] = [newId(), newId(), newId()];
    const joins = [roomChange(1, { userId: ada, role: rank.owner }), roomChange(2, { userId: bob })];
    const at = (database: typeof one) => async (ops: readonly Op[]) =>
      (await database.call("append", ops, [])).results;
    await at(one)([["apply", roomId, joins]]);
    return { one, two, atOne: at(one), atTwo: at(two), roomId, ada, bob };
  }

  test("write one room at once: no gap, nothing twice, and both tell all of it", async () => {
    const folder = await createFolder();
    const [one, two] = [await startTestMessage({ folder }), await startTestMessage({ folder })];
    const ada = await one.person();
    const [bob, adaThere] = [await two.person(), await two.person(ada.userId)];
    const roomId = await one.roomOf(ada, bob);
    const own = Array.from({ length: 40 }, (_, index) => index);
    const clientIds = own.map(() => newId());
    const sends = [
      ...own.map((index) => ada.send(roomId, `ada ${index}`)),
      ...own.map((index) => bob.send(roomId, `bob ${index}`)),
    ];
    // The same message at both: a gateway that lost the answer asks another replica.
    const twice = clientIds.flatMap((clientId, index) => {
      const request = { roomId, clientId, text: `twice ${index}` };
      return [ada.calls.sendMessage(request), adaThere.calls.sendMessage(request)];
    });
    const seqs = (await Promise.all(sends)).map(({ seq }) => Number(seq));
    const answers = await Promise.all(twice);
    for (let index = 0; index < answers.length; index += 2) {
      const [first, second] = [answers[index]!, answers[index + 1]!];
      expect(given(first.message).seq).toBe(given(second.message).seq);
      expect([first.replayed, second.replayed].sort()).toEqual([false, true]);
      seqs.push(Number(given(first.message).seq));
    }
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, index) => index + 3));
    const { events, headSeq } = await one.internal.readTimeline({ roomId, limit: 200 });
    expect(headSeq).toBe(122n);
    expect(events.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 122 }, (_, i) => i + 1));
    const times = events.map(({ at }) => Number(given(at).seconds) * 1e9 + given(at).nanos);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const published = ({ published }: TestMessage) => published.map(({ number }) => Number(number));
    await expect
      .poll(() => new Set([...published(one), ...published(two)]).size, { timeout: 30_000 })
      .toBe(122);
  });

  test("do what has the same key once", async () => {
    const { atOne, atTwo, roomId, ada, bob } = await openTwice();
    await atOne([["send", roomId, ada, "c1", "text", 0]]);
    const ops: Op[] = [
      ["edit", roomId, ada, 3, "edited", " link 1"],
      ["react", roomId, bob, 3, "👍", " link 2"],
      ["unreact", roomId, bob, 3, "👍", " link 3"],
    ];
    const both = await Promise.all([atOne(ops), atTwo(ops)]);
    for (const [index] of ops.entries()) {
      const [first, second] = [both[0][index]!, both[1][index]!];
      expect([first[0], second[0]].sort()).toEqual(["done", "replayed"]);
      expect(first.slice(1)).toEqual(second.slice(1));
    }
    await atTwo([["edit", roomId, ada, 3, "later", " link 4"]]);
    expect(brief(await atOne(ops))).toEqual([
      ["replayed", 4],
      ["replayed", 5],
      ["replayed", 6],
    ]);
  });

  test("apply a room's changes once, and do not post for whom the other has removed", async () => {
    const { one, atOne, atTwo, roomId, ada, bob } = await openTwice();
    const leave = roomChange(3, { kind: eventKind.memberLeft, userId: bob, actorId: bob });
    const apply: Op = ["apply", roomId, [leave]];
    const applied = await Promise.all([atOne([apply]), atTwo([apply])]);
    expect(applied.map((results) => brief(results))).toEqual([[["applied", 3]], [["applied", 3]]]);
    const sends: Op[] = [
      ["send", roomId, bob, "c1", "text", 0],
      ["send", roomId, ada, "c1", "text", 0],
    ];
    expect(brief(await atTwo(sends))).toEqual([
      ["refused", "NOT_MEMBER"],
      ["done", 4],
    ]);
    expect((await dump(one)).event).toHaveLength(4);
  });

  test("lock several rooms in one order, whatever the order of their ops", async () => {
    const { atOne, atTwo, roomId, ada } = await openTwice();
    const other = newId();
    await atOne([["apply", other, [roomChange(1, { userId: ada, role: rank.owner })]]]);
    const batch = (name: string, ...rooms: string[]) =>
      rooms.map((room): Op => ["send", room, ada, `${name}-${room}`, name, 0]);
    const rounds = Array.from({ length: 10 }, (_, index) => [
      atOne(batch(`one-${index}`, roomId, other)),
      atTwo(batch(`two-${index}`, other, roomId)),
    ]).flat();
    const results = (await Promise.all(rounds)).flat();
    expect(results.every(([outcome]) => outcome === "done")).toBe(true);
  });

  test("tell of a read marker once", async () => {
    const folder = await createFolder();
    const [one, two] = [await startTestMessage({ folder }), await startTestMessage({ folder })];
    const [ada, bob] = await one.people();
    const rooms = await Promise.all(Array.from({ length: 5 }, () => one.roomOf(ada, bob)));
    for (const roomId of rooms) {
      const { seq } = await ada.send(roomId, "text");
      await bob.calls.markRead({ roomId, seq });
    }
    const reads = async () => {
      const { entries } = await two.internal.readFeed({ userId: bob.userId, limit: 100 });
      return entries.flatMap(({ body }) => (body.case === "markedRead" ? [body.value.roomId] : []));
    };
    await expect.poll(reads, { timeout: 30_000 }).toHaveLength(5);
    expect((await reads()).sort()).toEqual([...rooms].sort());
  });
});
