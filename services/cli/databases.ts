import { migrations as auth } from "../auth/db/migrations/migrations.ts";
import type { DatabaseLocation } from "../common/database/database.ts";
import { migrations as message } from "../message/db/migrations/migrations.ts";
import { migrations as room } from "../room/db/migrations/migrations.ts";

/** Every service's database, for the commands that work on all of them. */
export function databasesAt(url: string): DatabaseLocation[] {
  return [
    { url, name: "auth", migrations: auth },
    { url, name: "room", migrations: room },
    { url, name: "message", migrations: message },
  ];
}
