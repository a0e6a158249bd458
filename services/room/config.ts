import type { EnvReader } from "../common/config.ts";
import { readDatabaseUrl } from "../common/database/database-config.ts";
import type { RoomLimits } from "./membership.ts";

/** What the room service can be told, and the limits of its contract, which tests change. */
export interface RoomConfig {
  readonly databaseUrl: string;
  readonly limits: RoomLimits;
}

export function readRoomConfig(reader: EnvReader): RoomConfig {
  return Object.freeze({
    databaseUrl: readDatabaseUrl(reader),
    limits: Object.freeze({ maxMembersPerRoom: 10_000, maxRoomsPerUser: 5_000 }),
  });
}
