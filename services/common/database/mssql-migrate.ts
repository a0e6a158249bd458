import { type Kysely, sql } from "kysely";
import { SchemaError } from "./errors.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";
import type { UniqueIndexes } from "./mssql-errors.ts";

/** Brings a service's schema up to date, having made it where there is none. Throws SchemaError. */
export async function migrateMssql(
  db: Kysely<unknown>,
  options: MigrateOptions & { schema: string },
): Promise<void> {
  await checkIsolation(db);
  const { rows } = await sql`select 1 as found where schema_id(${options.schema}) is not null`.execute(db);
  if (rows.length === 0) await createSchema(db, options.schema);
  await migrate(db, options);
}

async function createSchema(db: Kysely<unknown>, schema: string): Promise<void> {
  try {
    await sql.raw(`create schema ${schema}`).execute(db);
  } catch (error) {
    // Another process that starts may have made it meanwhile.
    const { rows } = await sql`select 1 as found where schema_id(${schema}) is not null`.execute(db);
    if (rows.length === 0) throw error;
  }
}

interface Isolation {
  name: string;
  is_read_committed_snapshot_on: boolean | number;
  snapshot_isolation_state: number;
}

/** Without these, readers would wait for writers, and writers for readers. */
async function checkIsolation(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<Isolation>`
    select name, is_read_committed_snapshot_on, snapshot_isolation_state
    from sys.databases where database_id = db_id()`.execute(db);
  const [database] = rows;
  if (database === undefined) return;
  const missing = [
    ...(database.is_read_committed_snapshot_on ? [] : ["READ_COMMITTED_SNAPSHOT"]),
    ...(Number(database.snapshot_isolation_state) === 1 ? [] : ["ALLOW_SNAPSHOT_ISOLATION"]),
  ];
  if (missing.length === 0) return;
  const commands = missing.map((option) => `ALTER DATABASE [${database.name}] SET ${option} ON`);
  throw new SchemaError(`the database ${database.name} needs: ${commands.join("; ")}`);
}

/** The unique indexes and constraints of a schema, so that their violations can be told by columns. */
export async function readUniqueIndexes(db: Kysely<unknown>, schema: string): Promise<UniqueIndexes> {
  const { rows } = await sql<{ index_name: string; table_name: string; column_name: string }>`
    select indexes.name as index_name, tables.name as table_name, columns.name as column_name
    from sys.indexes as indexes
    join sys.tables as tables on tables.object_id = indexes.object_id
    join sys.index_columns as keys on keys.object_id = indexes.object_id and keys.index_id = indexes.index_id
    join sys.columns as columns on columns.object_id = keys.object_id and columns.column_id = keys.column_id
    where tables.schema_id = schema_id(${schema}) and indexes.is_unique = 1 and keys.is_included_column = 0
    order by indexes.name, keys.key_ordinal`.execute(db);
  const indexes = new Map<string, { table: string; columns: string[] }>();
  for (const { index_name, table_name, column_name } of rows) {
    const known = indexes.get(index_name);
    if (known) known.columns.push(column_name);
    else indexes.set(index_name, { table: table_name, columns: [column_name] });
  }
  return indexes;
}
