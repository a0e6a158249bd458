import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { onTestFinished } from "vitest";
import { type RoomChange, RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { type Database, openDatabase } from "../common/database/database.ts";
import { testDatabaseUrl } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { migrations } from "./db/migrations/migrations.ts";
import type { RoomTables } from "./db/tables.ts";
import { createFolder, logger } from "./test-room.ts";

/** For tests: Room's database by itself, closed when the test is over. */
export async function openRoomDatabase(): Promise<Database<RoomTables>> {
  const url = await testDatabaseUrl(await createFolder());
  const database = await openDatabase<RoomTables>({ url, name: "room", migrations, logger });
  onTestFinished(() => database.close());
  return database;
}

/** Changes of a room's calls that make so many each. */
export function changesOfCalls(roomId: string, ...sizes: number[]): RoomChange[] {
  let version = 0;
  return sizes.flatMap((size) => {
    const callVersion = BigInt(version + size);
    return Array.from({ length: size }, () => {
      version += 1;
      return create(RoomChangeSchema, {
        roomId,
        version: BigInt(version),
        changeId: newId(),
        callVersion,
        actorId: newId(),
        at: timestampFromMs(1_000_000 + version),
        kind: RoomKind.GROUP,
        body: { case: "memberJoined", value: { userId: newId(), role: Role.MEMBER } },
      });
    });
  });
}
