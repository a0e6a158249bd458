import { rooms } from "./0001-rooms.ts";

/** All that made the tables of `room.db` what they are, by name. */
export const migrations = { "0001-rooms": rooms };
