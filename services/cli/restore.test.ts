import pino from "pino";
import { expect, test } from "vitest";
import { openDatabase } from "../common/database/database.ts";
import { migrations as messageMigrations } from "../message/db/migrations/migrations.ts";
import { procedures, type ReadProcedures, type WriteProcedures } from "../message/db/procedures.ts";
import type { MessageTables } from "../message/db/tables.ts";
import { readEpoch } from "../room/db/epoch.ts";
import { migrations as roomMigrations } from "../room/db/migrations/migrations.ts";
import type { RoomTables } from "../room/db/tables.ts";
import { runCommand } from "./commands.ts";
import { createTestCommandLine } from "./test-command-line.ts";

const cli = createTestCommandLine();
const logger = pino({ level: "silent" });

/** Of Room's data and of Message's. */
async function readEpochs(): Promise<[string, string]> {
  const url = `sqlite:${cli.folder}`;
  const room = await openDatabase<RoomTables>({ url, name: "room", migrations: roomMigrations, logger });
  const message = await openDatabase<MessageTables, WriteProcedures, ReadProcedures>({
    url,
    name: "message",
    migrations: messageMigrations,
    procedures,
    logger,
  });
  try {
    return [await readEpoch(room.kysely), await message.read("epoch")];
  } finally {
    await room.close();
    await message.close();
  }
}

test("a restore begins one new epoch for rooms and timelines", async () => {
  await runCommand(["migrate"], cli.env);
  const before = await readEpochs();
  expect(await runCommand(["restore", "--in-place"], cli.env)).toBe(0);
  const [room, message] = await readEpochs();
  expect(room).toBe(message);
  expect(before).not.toContain(room);
});
