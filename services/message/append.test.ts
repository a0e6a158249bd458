import { describe, expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { brief, dump, openTestRoom, roomChange } from "./test-database.ts";
import { eventKind, type Op } from "./types.ts";

describe("append", () => {
  test("what is refused or was so already leaves nothing behind", async () => {
    const { database, append, roomId, ada, bob, joins } = await openTestRoom();
    const emoji = Array.from({ length: 51 }, (_, i) => String.fromCodePoint(0x1f400 + i));
    await append(
      ["send", roomId, ada, "c1", "one", 0],
      ["send", roomId, bob, "c1", "two", 3],
      ["edit", roomId, bob, 4, "edited"],
      ["send", roomId, ada, "c2", "gone", 0],
      ["delete", roomId, ada, 6],
      ...emoji.slice(0, 50).map((each): Op => ["react", roomId, bob, 3, each]),
      ["markRead", roomId, bob, 5],
    );
    const before = await dump(database);
    const refused: [Op, unknown][] = [
      [
        ["send", roomId, newId(), "c", "text", 0],
        ["refused", "NOT_MEMBER"],
      ],
      [
        ["send", newId(), ada, "c", "text", 0],
        ["refused", "NOT_MEMBER"],
      ],
      [
        ["send", roomId, ada, "c", "text", 2],
        ["refused", "MESSAGE_NOT_FOUND"],
      ],
      [
        ["send", roomId, ada, "c1", "other", 0],
        ["refused", "CLIENT_ID_REUSED"],
      ],
      [
        ["send", roomId, ada, "c1", "one", 3],
        ["refused", "CLIENT_ID_REUSED"],
      ],
      [
        ["send", roomId, ada, "c1", "one", 99],
        ["refused", "CLIENT_ID_REUSED"],
      ],
      [
        ["send", roomId, bob, "c1", "edited", 3],
        ["refused", "CLIENT_ID_REUSED"],
      ],
      [
        ["send", roomId, ada, "c1", "one", 0],
        ["replayed", 3],
      ],
      [
        ["send", roomId, bob, "c1", "two", 3],
        ["replayed", 4],
      ],
      [
        ["send", roomId, ada, "c2", "anything", 99],
        ["replayed", 6],
      ],
      [
        ["edit", roomId, ada, 4, "text"],
        ["refused", "NOT_AUTHOR"],
      ],
      [
        ["edit", roomId, ada, 5, "text"],
        ["refused", "MESSAGE_NOT_FOUND"],
      ],
      [
        ["edit", roomId, ada, 6, "text"],
        ["refused", "MESSAGE_DELETED"],
      ],
      [
        ["edit", roomId, bob, 4, "edited"],
        ["replayed", 5],
      ],
      [
        ["edit", roomId, ada, 3, "one"],
        ["replayed", 3],
      ],
      [
        ["delete", roomId, bob, 3],
        ["refused", "ROLE_TOO_LOW"],
      ],
      [
        ["delete", roomId, bob, 1],
        ["refused", "MESSAGE_NOT_FOUND"],
      ],
      [
        ["delete", roomId, ada, 6],
        ["replayed", 7],
      ],
      [
        ["react", roomId, ada, 3, emoji[50]!],
        ["refused", "TOO_MANY_EMOJI"],
      ],
      [
        ["react", roomId, bob, 3, emoji[0]!],
        ["replayed", 8],
      ],
      [
        ["react", roomId, bob, 6, emoji[0]!],
        ["refused", "MESSAGE_DELETED"],
      ],
      [
        ["unreact", roomId, ada, 3, emoji[0]!],
        ["replayed", 3],
      ],
      [
        ["unreact", roomId, ada, 6, emoji[0]!],
        ["refused", "MESSAGE_DELETED"],
      ],
      [
        ["markRead", roomId, bob, 4],
        ["read", 5],
      ],
      [
        ["apply", roomId, joins],
        ["applied", 2],
      ],
      [
        ["apply", roomId, [roomChange(4)]],
        ["gap", 2],
      ],
      [
        ["apply", newId(), [roomChange(2)]],
        ["gap", 0],
      ],
      [
        ["apply", roomId, [roomChange(2), roomChange(3)]],
        ["conflict", 2],
      ],
    ];
    for (const [op, result] of refused) {
      expect(brief(await append(op)), JSON.stringify(op)).toEqual([result]);
      expect(await dump(database), JSON.stringify(op)).toEqual(before);
    }
    expect(brief(await append(...refused.map(([op]) => op)))).toEqual(refused.map(([, result]) => result));
    expect(await dump(database)).toEqual(before);
  });

  test("what fails in the middle leaves nothing behind either, and numbers are not mixed up after it", async () => {
    const { database, append, roomId, ada } = await openTestRoom();
    const before = await dump(database);
    const other = newId();
    const failing = append(
      ["send", roomId, ada, "c", "text", 0],
      ["apply", other, [roomChange(1, { userId: newId() })]],
      ["apply", newId(), [roomChange(1, { userId: "not an id" })]],
    );
    await expect(failing).rejects.toThrow("not an id");
    expect(await dump(database)).toEqual(before);
    const [third, owner] = [newId(), newId()];
    await append(["apply", third, [roomChange(1, { userId: owner })]]);
    expect(await append(["send", other, owner, "c", "text", 0])).toEqual([["refused", "NOT_MEMBER"]]);
    expect(brief(await append(["send", third, owner, "c", "text", 0]))).toEqual([["done", 2]]);
  });

  test("ops of one batch see what those before them did", async () => {
    const { database, append, roomId, ada, bob } = await openTestRoom();
    const leave = roomChange(3, { userId: bob, kind: eventKind.memberLeft });
    const results = await append(
      ["send", roomId, bob, "c", "text", 0],
      ["markRead", roomId, ada, 99],
      ["send", roomId, ada, "c", "answer", 3],
      ["react", roomId, bob, 4, "👍"],
      ["delete", roomId, ada, 3],
      ["edit", roomId, bob, 3, "late"],
      ["apply", roomId, [leave]],
      ["send", roomId, bob, "c2", "text", 0],
      ["apply", roomId, [roomChange(4, { userId: bob })]],
      ["send", roomId, bob, "c2", "text", 0],
      ["send", roomId, ada, "c2", "text", 0],
    );
    expect(results[1]).toEqual(["read", 3, 0, true]);
    expect(brief(results)).toEqual([
      ["done", 3],
      ["read", 3],
      ["done", 4],
      ["done", 5],
      ["done", 6],
      ["refused", "MESSAGE_DELETED"],
      ["applied", 3],
      ["refused", "NOT_MEMBER"],
      ["applied", 4],
      ["done", 9],
      ["done", 10],
    ]);
    const { rows } = await database.read("listInbox", bob, undefined, 1);
    expect(rows).toMatchObject([{ readSeq: 8, unreadCount: 1 }]);
    const { outbox } = await dump(database);
    expect(outbox).toHaveLength(2 + 1 + 2);
    expect(outbox).toContainEqual(expect.objectContaining({ first_number: 3, last_number: 10 }));
  });

  test("time never goes back in a room", async () => {
    const { database, append, roomId, ada, bob } = await openTestRoom();
    const soon = Date.now() + 60_000;
    const leave = roomChange(3, { userId: bob, kind: eventKind.memberLeft, at: soon });
    await append(["apply", roomId, [leave]]);
    const late = roomChange(4, { userId: bob, at: 1 });
    await append(["send", roomId, ada, "c", "text", 0], ["apply", roomId, [late]]);
    const { rows } = await database.read("readTimeline", roomId, 0, 10);
    const times = rows.map(([, , , at]) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBe(times.at(-2));
    expect(times.at(-1)).toBeLessThan(soon);
  });
});
