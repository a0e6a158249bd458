import { expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { beginEpoch, readEpoch } from "./db/epoch.ts";
import { openRoomDatabase } from "./test-database.ts";
import { createRoom, startTestRoom } from "./test-room.ts";

test("changes are published under the epoch of the data, the same after a restart", async () => {
  const first = await startTestRoom();
  await createRoom(await first.person());
  await expect.poll(() => first.announced).toHaveLength(1);
  await first.close();
  const second = await startTestRoom({ folder: first.folder });
  await createRoom(await second.person());
  await expect.poll(() => second.announced).toHaveLength(1);
  const [epoch] = first.epochs;
  expect(epoch).toMatch(/^[0-9a-f-]{36}$/);
  expect([...first.epochs, ...second.epochs]).toEqual([epoch, epoch]);
});

test("each database begins with an epoch of its own, and a restore begins another", async () => {
  const [one, other] = [await openRoomDatabase(), await openRoomDatabase()];
  expect(await readEpoch(one.kysely)).not.toBe(await readEpoch(other.kysely));
  const restored = newId();
  await beginEpoch(one.kysely, restored);
  expect(await readEpoch(one.kysely)).toBe(restored);
});
