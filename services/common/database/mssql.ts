import { Kysely } from "kysely";
import type { Database, DialectOptions, NoProcedures, ProcedureSet } from "./database.ts";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { appliedMigrations, compareMigrations, type MigrationStatus } from "./migrate.ts";
import { MssqlPoolDialect } from "./mssql-dialect.ts";
import { migrateMssql, readUniqueIndexes } from "./mssql-migrate.ts";
import { createMssqlProcedures, type MssqlProcedures } from "./mssql-procedures.ts";
import { type MssqlServer, openMssqlServer } from "./mssql-server.ts";
import type { MssqlUrl } from "./mssql-url.ts";

export interface MssqlOptions extends DialectOptions {
  server: MssqlUrl;
  procedures?: URL | undefined;
}

/**
 * The database port on SQL Server: a schema per service, and a pool of connections per service and process. Readers see
 * what was committed when their statement began and wait for nobody. Procedures are one call and one transaction each,
 * so that a process that is stopped holds no lock.
 */
export async function openMssqlDatabase<
  Tables,
  Procedures extends ProcedureSet<Procedures> = NoProcedures,
  ReadProcedures extends ProcedureSet<ReadProcedures> = NoProcedures,
>(options: MssqlOptions): Promise<Database<Tables, Procedures, ReadProcedures>> {
  const { name, migrations, logger } = options;
  const server = await openMssqlServer(options.server, logger);
  const kysely = kyselyOn(server, options);
  try {
    await migrateMssql(kyselyOn(server, options, migrationLifetimeMs), {
      name,
      migrations,
      schema: name,
      logger,
    });
    server.setUniqueIndexes(() => readUniqueIndexes(kysely, name));
    const procedures = await createMssqlProcedures(server, options.procedures);
    showLoad(server, procedures, options);
    return {
      kysely: kysely.withSchema(name) as Kysely<Tables>,
      call: (procedure, ...args) => procedures.call(procedure, args) as Promise<never>,
      read: (procedure, ...args) => procedures.read(procedure, args) as Promise<never>,
      async close() {
        await procedures.close();
        await server.close();
      },
    };
  } catch (error) {
    await server.close();
    if (error instanceof DatabaseOpenError) throw error;
    throw new DatabaseOpenError(`can't open the ${name} database: ${rootMessage(error)}`, error);
  }
}

/** Others may rely on what they have not seen of a transaction by then not to come any more. */
const transactionLifetimeMs = 10_000;
/** Nobody waits for a migration, and it may have much to do. */
const migrationLifetimeMs = 3_600_000;

/** Reads what has run, and changes nothing. */
export async function mssqlMigrationStatus(
  options: Pick<MssqlOptions, "server" | "name" | "migrations">,
): Promise<MigrationStatus> {
  const server = await openMssqlServer(options.server);
  try {
    return compareMigrations(
      await appliedMigrations(kyselyOn(server, options), options.name),
      options.migrations,
    );
  } catch (error) {
    throw new DatabaseOpenError(`can't read the ${options.name} database: ${rootMessage(error)}`, error);
  } finally {
    await server.close();
  }
}

function kyselyOn(
  server: MssqlServer,
  { name, idleTimeoutMs = 5000 }: Pick<MssqlOptions, "name" | "idleTimeoutMs">,
  lifetimeMs = transactionLifetimeMs,
) {
  const dialect = new MssqlPoolDialect({ server, schema: name, idleTimeoutMs, lifetimeMs });
  return new Kysely<unknown>({ dialect });
}

function showLoad(server: MssqlServer, procedures: MssqlProcedures, { name, metrics }: MssqlOptions): void {
  metrics?.gauge({
    name: "parley_database_queue_length",
    help: "What a database was asked and has not answered.",
    labels: { database: name },
    read: () => [
      { labels: { lane: "writer" }, value: procedures.load },
      { labels: { lane: "pool" }, value: server.load.underWay },
      { labels: { lane: "waiting" }, value: server.load.waiting },
    ],
  });
}
