import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * A migration that is files of T-SQL, as an administrator would run them: batches that end at a line which says GO.
 * Procedures and views are in files of their own, as CREATE OR ALTER; whoever changes one adds a migration that runs it
 * again.
 */
export function sqlFiles(...files: readonly URL[]): Migration {
  return {
    async up(db) {
      const hasCreateOrAlter = await knowsCreateOrAlter(db);
      for (const file of files) {
        for (const batch of batchesOf(readFileSync(fileURLToPath(file), "utf8"))) {
          const commands = hasCreateOrAlter ? [batch] : withoutCreateOrAlter(batch);
          for (const command of commands) await sql.raw(command).execute(db);
        }
      }
    },
  };
}

function batchesOf(text: string): string[] {
  return text
    .split(/^GO\s*$/im)
    .map((batch) => batch.trim())
    .filter((batch) => batch !== "");
}

/** Babelfish, T-SQL on PostgreSQL, learned it late; every SQL Server has it. */
async function knowsCreateOrAlter(db: Kysely<unknown>): Promise<boolean> {
  const { rows } = await sql<{ version: string }>`select @@version as version`.execute(db);
  return !rows[0]?.version.includes("Babelfish");
}

function withoutCreateOrAlter(batch: string): string[] {
  const [, kind, name] = /^CREATE OR ALTER (PROCEDURE|VIEW) (\S+)/m.exec(batch) ?? [];
  if (name === undefined) return [batch];
  return [`DROP ${kind} IF EXISTS ${name}`, batch.replace(/^CREATE OR ALTER /m, "CREATE ")];
}
