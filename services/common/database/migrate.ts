import { type Kysely, sql } from "kysely";
import { type Migration, type MigrationProvider, Migrator } from "kysely/migration";
import type { Logger } from "pino";
import { rootMessage, SchemaError } from "./errors.ts";

/** Migrations by name, in the order in which they ran or will run. */
export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** Applied, but not known to this version: a newer one was here. */
  unknown: string[];
}

export interface MigrateOptions {
  /** For messages and the log. */
  name: string;
  migrations: Record<string, Migration>;
  /** Of the tables, on a database with schemas; it exists. */
  schema?: string;
  /** Runs in the transaction of each migration, after it; what it throws undoes the migration. */
  check?: (transaction: Kysely<unknown>) => Promise<void>;
  logger: Logger;
}

/**
 * Brings the schema up to date. Each migration and the note that it ran are one transaction, so one that fails leaves
 * nothing behind and the next start tries it again. Throws SchemaError.
 */
export async function migrate(db: Kysely<unknown>, options: MigrateOptions): Promise<void> {
  const { name, migrations, schema, logger } = options;
  const status = compareMigrations(await appliedMigrations(db, schema), migrations);
  refuseUnknown(name, status);
  // Who only uses the tables may have no right to more.
  if (status.pending.length === 0) return;
  for (;;) {
    const migration = await migrateOne(db, options);
    if (migration === undefined) return;
    logger.info({ database: name, migration }, "database migrated");
  }
}

/** What there is to do, by the names of what was done. */
export function compareMigrations(
  applied: readonly string[],
  migrations: Record<string, Migration>,
): MigrationStatus {
  const known = Object.keys(migrations).sort();
  return {
    applied: [...applied],
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !Object.hasOwn(migrations, name)),
  };
}

/** The names of those that ran, in order. Changes nothing. */
export async function appliedMigrations(db: Kysely<unknown>, schema?: string): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const isNoted = tables.some((table) => table.name === "kysely_migration" && table.schema === schema);
  if (!isNoted) return [];
  const table = sql.table(schema === undefined ? "kysely_migration" : `${schema}.kysely_migration`);
  const { rows } = await sql<{ name: string }>`select name from ${table} order by name`.execute(db);
  return rows.map(({ name }) => name);
}

function refuseUnknown(name: string, { unknown }: MigrationStatus): void {
  if (unknown.length === 0) return;
  throw new SchemaError(
    `the ${name} database was migrated by a newer version of Parley (${unknown.join(", ")}): ` +
      "run that version, or restore a backup from before it",
  );
}

/** The name of the migration that ran; undefined when there is none left. */
async function migrateOne(db: Kysely<unknown>, options: MigrateOptions): Promise<string | undefined> {
  let migration: string | undefined;
  const provider: MigrationProvider = { getMigrations: async () => options.migrations };
  try {
    return await db.transaction().execute(async (transaction) => {
      const place = options.schema === undefined ? {} : { migrationTableSchema: options.schema };
      const { error, results } = await new Migrator({ db: transaction, provider, ...place }).migrateUp();
      migration = results?.[0]?.migrationName;
      if (error) throw error;
      if (migration !== undefined) await options.check?.(transaction);
      return migration;
    });
  } catch (error) {
    const what = migration === undefined ? "migrating" : `migration ${migration} of`;
    const why = rootMessage(error);
    throw new SchemaError(`${what} the ${options.name} database failed and was undone: ${why}`, error);
  }
}
