import { Kysely } from "kysely";
import type { Database, DialectOptions, NoProcedures, ProcedureSet } from "./database.ts";
import { DatabaseOpenError, rootMessage } from "./errors.ts";
import { appliedMigrations, compareMigrations, type MigrationStatus } from "./migrate.ts";
import { MssqlPoolDialect } from "./mssql-dialect.ts";
import { migrateMssql, readUniqueIndexes } from "./mssql-migrate.ts";
import { type MssqlServer, openMssqlServer } from "./mssql-server.ts";
import type { MssqlUrl } from "./mssql-url.ts";

export interface MssqlOptions extends DialectOptions {
  server: MssqlUrl;
}

/**
 * The database port on SQL Server: a schema per service, and a pool of connections per service and process. Readers see
 * what was committed when their statement began and wait for nobody. No service that is
 * kept here has procedures.
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
    await migrateMssql(kysely, { name, migrations, schema: name, logger });
    server.setUniqueIndexes(() => readUniqueIndexes(kysely, name));
    showLoad(server, options);
    return {
      kysely: kysely.withSchema(name) as Kysely<Tables>,
      call: (...[procedure]) => refuseProcedure(procedure),
      read: (...[procedure]) => refuseProcedure(procedure),
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    if (error instanceof DatabaseOpenError) throw error;
    throw new DatabaseOpenError(`can't open the ${name} database: ${rootMessage(error)}`, error);
  }
}

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

async function refuseProcedure(name: string): Promise<never> {
  throw new Error(`there is no procedure ${name}`);
}

function kyselyOn(
  server: MssqlServer,
  { name, idleTimeoutMs = 5000 }: Pick<MssqlOptions, "name" | "idleTimeoutMs">,
) {
  return new Kysely<unknown>({ dialect: new MssqlPoolDialect({ server, schema: name, idleTimeoutMs }) });
}

function showLoad(server: MssqlServer, { name, metrics }: MssqlOptions): void {
  metrics?.gauge({
    name: "parley_database_queue_length",
    help: "What a database was asked and has not answered.",
    labels: { database: name },
    read: () => [
      { labels: { lane: "pool" }, value: server.load.underWay },
      { labels: { lane: "waiting" }, value: server.load.waiting },
    ],
  });
}
