import { expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { createFolder, type Person, startTestMessage } from "./test-message.ts";
import { deleted, joined } from "./test-peers.ts";

const dayMs = 24 * 3_600_000;

const bodies = async ({ calls }: Person) =>
  (await calls.listFeed({ pageSize: 200 })).entries.map(({ body }) => body);

test("markers of a few seconds in one room are one entry, with the last of them", async () => {
  const parley = await startTestMessage();
  const [ada, bob] = await parley.people();
  const [one, two] = [await parley.roomOf(ada, bob), await parley.roomOf(ada, bob)];
  for (let i = 0; i < 4; i++) {
    const { seq } = await ada.send(one, "text");
    await bob.calls.markRead({ roomId: one, seq });
  }
  await bob.calls.markRead({ roomId: two, seq: 99n });
  const reads = async () =>
    (await bodies(bob)).flatMap((body) =>
      body.case === "markedRead" ? [[body.value.roomId, body.value.readSeq]] : [],
    );
  await expect.poll(reads, { timeout: 30_000 }).toHaveLength(1);
  expect(await reads()).toEqual([[one, 6n]]);
  await expect.poll(() => parley.publishedFeed.filter(({ key }) => key === bob.userId).length).toBe(3);
});

test("the deletion of a large room reaches everybody once, after a restart too", async () => {
  const folder = await createFolder();
  const first = await startTestMessage({ folder, feedIntervalMs: 3_600_000 });
  const owner = await first.person();
  const roomId = await first.roomOf(owner);
  const others = Array.from({ length: 450 }, newId);
  for (let i = 0; i < 450; i += 50) {
    const batch = others.slice(i, i + 50).map((userId) => joined(userId));
    await first.room.change(roomId, owner.userId, ...batch);
  }
  await first.room.change(roomId, owner.userId, deleted());
  const { internal } = first;
  expect((await internal.getUserState({ userId: others[0]! })).rooms).toEqual([]);
  expect((await owner.calls.listInbox({})).items).toEqual([]);
  await first.close();

  const second = await startTestMessage({ folder });
  const feedOf = async (userId: string) => second.internal.readFeed({ userId, limit: 10 });
  await expect.poll(async () => (await feedOf(others.at(-1)!)).headSeq, { timeout: 30_000 }).toBe(2n);
  for (const userId of [owner.userId, ...others]) {
    const { entries } = await feedOf(userId);
    expect(entries.map(({ body }) => body.case)).toEqual(["roomJoined", "roomLeft"]);
  }
});

test("entries go after 30 days, and what is kept has no gap", async () => {
  const parley = await startTestMessage({ feedLifetimeMs: 30 * dayMs, pruneIntervalMs: 20 });
  const [ada] = await parley.people();
  await parley.roomOf(ada);
  await parley.roomOf(ada);
  expect(await ada.calls.listFeed({})).toMatchObject({ firstSeq: 1n, hasMore: false });
  parley.advance(31 * dayMs);
  await expect.poll(async () => (await ada.calls.listFeed({})).firstSeq).toBe(3n);
  expect((await ada.calls.listFeed({})).entries).toEqual([]);
  const roomId = await parley.roomOf(ada);
  expect(await ada.calls.listFeed({ afterSeq: 2n })).toMatchObject({
    entries: [{ seq: 3n, body: { value: { roomId } } }],
  });
  expect((await parley.internal.getUserState({ userId: ada.userId })).feedSeq).toBe(3n);
});

test("pages say whether there is more", async () => {
  const parley = await startTestMessage();
  const [ada] = await parley.people();
  for (let i = 0; i < 5; i++) await parley.roomOf(ada);
  const page = async (afterSeq: bigint | undefined, pageSize: number) => {
    const { entries, hasMore } = await ada.calls.listFeed({ afterSeq, pageSize });
    return [entries.map(({ seq }) => Number(seq)), hasMore];
  };
  expect(await page(undefined, 3)).toEqual([[1, 2, 3], true]);
  expect(await page(3n, 2)).toEqual([[4, 5], false]);
  expect(await page(5n, 2)).toEqual([[], false]);
  expect(await page(99n, 2)).toEqual([[], false]);
});
