import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testServer } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { dump, openTestDatabase, openTestRoom, roomChange } from "./test-database.ts";
import { createFolder, startTestMessage } from "./test-message.ts";
import { deleted, joined, updated } from "./test-peers.ts";
import type { Op } from "./types.ts";

/** What of these texts is anywhere in the folder's files, or in the tables of the server's database that stands for it. */
async function found(folder: string, ...texts: string[]): Promise<string[]> {
  if (testServer !== undefined) {
    const database = await openTestDatabase(folder);
    const rows = JSON.stringify(await dump(database));
    return texts.filter((text) => rows.includes(text));
  }
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  return texts.filter((text) => files.some((bytes) => bytes.includes(text)));
}

test("deleting takes the text of a post and of all its edits from the disk", async () => {
  const folder = await createFolder();
  const parley = await startTestMessage({ folder });
  const [ada, bob] = await parley.people();
  const roomId = await parley.roomOf(ada, bob);
  const { seq } = await ada.send(roomId, `first-secret ${"x".repeat(5000)} long-secret`);
  await bob.send(roomId, "standing-text");
  for (const text of ["second-secret", "third-secret"]) {
    await ada.calls.editMessage({ roomId, seq, text });
    await bob.send(roomId, text.replace("secret", "answer"));
  }
  await ada.calls.deleteMessage({ roomId, seq });
  const { events } = await bob.calls.listTimeline({ roomId });
  expect(events.map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
  expect(events[2]?.body).toMatchObject({ value: { text: "", erased: true } });
  expect(events.filter(({ body }) => body.case === "messageEdited")).toMatchObject([
    { body: { value: { messageSeq: seq, text: "", erased: true } } },
    { body: { value: { messageSeq: seq, text: "", erased: true } } },
  ]);
  await parley.close();
  expect(
    await found(folder, "first-secret", "long-secret", "second-secret", "third-secret", "standing-text"),
  ).toEqual(["standing-text"]);
});

test("the text of a deleted room goes in the background, after a restart too", async () => {
  const folder = await createFolder();
  const first = await startTestMessage({ folder, feedIntervalMs: 3_600_000, eraseIntervalMs: 3_600_000 });
  const [ada] = await first.people();
  const [roomId, other] = [await first.roomOf(ada), await first.roomOf(ada)];
  const invitees = Array.from({ length: 250 }, newId);
  for (let i = 0; i < 250; i += 125) {
    await first.room.change(
      roomId,
      ada.userId,
      ...invitees.slice(i, i + 125).map((userId) => joined(userId)),
    );
  }
  await first.room.change(roomId, ada.userId, updated("secret-name", "secret-topic"));
  await Promise.all(Array.from({ length: 700 }, (_, i) => ada.send(roomId, `secret-text-${i}`)));
  await ada.calls.addReaction({ roomId, seq: 260n, emoji: "👍" });
  await ada.send(other, "standing-text");
  await first.room.change(roomId, ada.userId, deleted());
  await first.close();
  expect(await found(folder, "secret-text-699")).toHaveLength(1);

  const second = await startTestMessage({ folder, eraseIntervalMs: 20 });
  const lastText = async () => {
    const { events } = await second.internal.readTimeline({ roomId, afterSeq: 950n, limit: 10 });
    return events.flatMap(({ body }) => (body.case === "messagePosted" ? [body.value] : [])).at(-1);
  };
  await expect.poll(lastText, { timeout: 30_000 }).toMatchObject({ text: "", erased: true });
  await expect
    .poll(async () => (await second.internal.readTimeline({ roomId, limit: 1 })).headSeq)
    .toBe(954n);
  await second.close();
  const secrets = ["secret-name", "secret-topic", "secret-text-0", "secret-text-699"];
  expect(await found(folder, ...secrets, "standing-text")).toEqual(["standing-text"]);
});

test("what a deletion left goes slice by slice, until nothing is left", async () => {
  const { database, append, roomId } = await openTestRoom();
  const people = Array.from({ length: 700 }, newId);
  await append(["apply", roomId, people.map((userId, i) => roomChange(i + 3, { userId }))]);
  const [author] = people as [string];
  const [, seq] = (await append(["send", roomId, author, "c", "text", 0]))[0] as [string, number];
  await append(...people.map((userId): Op => ["react", roomId, userId, seq, "👍"]));
  await append(["delete", roomId, author, seq]);
  expect((await dump(database)).reaction).toHaveLength(200);
  let slices = 0;
  while (await database.call("erase", 60)) slices += 1;
  expect(slices).toBe(4);
  const after = await dump(database);
  expect(after.reaction).toEqual([]);
  expect(after.deleted_message).toEqual([]);
});
