import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Kysely, sql } from "kysely";
import type { DatabaseLocation } from "./database.ts";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { compareMigrations, type MigrateOptions, type MigrationStatus, migrate } from "./migrate.ts";
import { sqliteFiles } from "./sqlite-files.ts";

/**
 * SQLite can change little of a table in place; otherwise a new one is made and filled and the old one dropped, which
 * foreign keys to it would forbid or follow (https://sqlite.org/lang_altertable.html#otheralter). So they are not
 * enforced while migrating, and checked before each commit.
 */
export async function migrateSqlite(db: Kysely<unknown>, options: MigrateOptions): Promise<void> {
  await sql`PRAGMA foreign_keys = OFF`.execute(db);
  try {
    await migrate(db, { ...options, check: checkForeignKeys });
  } finally {
    await sql`PRAGMA foreign_keys = ON`.execute(db);
  }
}

async function checkForeignKeys(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ table: string; parent: string }>`PRAGMA foreign_key_check`.execute(db);
  const [broken] = rows;
  if (broken) throw new Error(`rows of ${broken.table} name rows of ${broken.parent} that don't exist`);
}

/** Reads the file by a connection of its own, which other processes' locks don't keep out. */
export function sqliteMigrationStatus(
  location: Omit<DatabaseLocation, "url" | "migrations"> &
    Pick<MigrateOptions, "migrations"> & { folder: string },
): MigrationStatus {
  const { database } = sqliteFiles(location.folder, location.name);
  const applied = existsSync(database) ? readAppliedOf(database) : [];
  return compareMigrations(applied, location.migrations);
}

function readAppliedOf(path: string): string[] {
  try {
    return readApplied(path);
  } catch (error) {
    throw new DatabaseOpenError(`can't open ${path}: ${rootMessage(error)}`, error);
  }
}

function readApplied(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1000 });
  try {
    const table = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'kysely_migration'").get();
    if (!table) return [];
    const rows = db.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    return rows.map(({ name }) => String(name));
  } finally {
    db.close();
  }
}
