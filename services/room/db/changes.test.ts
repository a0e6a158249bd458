import { expect, test } from "vitest";
import { newId } from "../../common/ids.ts";
// biome-ignore lint/style/noRestrictedImports: tests are above db
import { changesOfCalls, openRoomDatabase } from "../test-database.ts";
import { insertChanges, listWholeCalls, readChanges } from "./changes.ts";

const roomId = newId();

test("changes come back as they were made", async () => {
  const { kysely } = await openRoomDatabase();
  const changes = changesOfCalls(roomId, 3, 1);
  await insertChanges(kysely, changes);
  expect(await readChanges(kysely, roomId, 1, 4)).toEqual(changes);
  expect(await readChanges(kysely, roomId, 2, 3)).toEqual(changes.slice(1, 3));
  expect(await readChanges(kysely, newId(), 1, 4)).toEqual([]);
});

test.each([
  { after: 0, limit: 3, versions: [1, 2, 3], hasMore: true },
  { after: 0, limit: 5, versions: [1, 2, 3, 4], hasMore: true },
  { after: 0, limit: 6, versions: [1, 2, 3, 4, 5, 6], hasMore: true },
  { after: 0, limit: 7, versions: [1, 2, 3, 4, 5, 6, 7], hasMore: false },
  { after: 3, limit: 3, versions: [4, 5, 6], hasMore: true },
  { after: 6, limit: 3, versions: [7], hasMore: false },
  { after: 7, limit: 3, versions: [], hasMore: false },
])("a page of $limit after $after has whole calls", async ({ after, limit, versions, hasMore }) => {
  const { kysely } = await openRoomDatabase();
  await insertChanges(kysely, changesOfCalls(roomId, 3, 1, 2, 1));
  const page = await listWholeCalls(kysely, roomId, after, limit);
  expect(page.changes.map(({ version }) => Number(version))).toEqual(versions);
  expect(page.hasMore).toBe(hasMore);
});
