import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * A migration that is files of T-SQL, as an administrator would run them: batches that end at a line which says GO.
 */
export function sqlFiles(...files: readonly URL[]): Migration {
  return {
    async up(db) {
      for (const file of files) {
        for (const batch of batchesOf(readFileSync(fileURLToPath(file), "utf8"))) {
          await sql.raw(batch).execute(db);
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
