import {
  type CompiledQuery,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  type QueryCompiler,
  type QueryResult,
  RawNode,
  SelectQueryNode,
  sql,
  type TableMetadata,
} from "kysely";
import { ParleyMssqlQueryCompiler } from "./mssql-compiler.ts";
import type { MssqlServer, StatementResult } from "./mssql-server.ts";
import { beginMssqlTransaction, type MssqlTransaction } from "./mssql-transaction.ts";
import { lockNamed } from "./named-lock.ts";
import { type QueryRunner, TransactionDriver } from "./transaction-driver.ts";

export interface MssqlDialectOptions {
  server: MssqlServer;
  /** Of the tables; also names the lock of those who migrate them. */
  schema: string;
  /** After how long a transaction in which nothing is asked is rolled back, in ms. */
  idleTimeoutMs: number;
  /** How long one may take from its beginning to its commit, in ms. */
  lifetimeMs: number;
}

/** Kysely on a pool of the driver's. Without a transaction each query finds its own connection. */
export class MssqlPoolDialect implements Dialect {
  readonly #options: MssqlDialectOptions;

  constructor(options: MssqlDialectOptions) {
    this.#options = options;
  }

  createDriver(): Driver {
    return new TransactionDriver(createRunner(this.#options));
  }

  createQueryCompiler(): QueryCompiler {
    return new ParleyMssqlQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new MssqlPoolAdapter(this.#options.schema);
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new TablesOnlyIntrospector(db);
  }
}

/** What migrations ask: which tables there are. Their columns cost servers seconds, and nobody wants to know. */
class TablesOnlyIntrospector extends MssqlIntrospector {
  readonly #db: Kysely<unknown>;

  constructor(db: Kysely<unknown>) {
    super(db);
    this.#db = db;
  }

  override async getTables(): Promise<TableMetadata[]> {
    const { rows } = await sql<{ name: string; schema: string }>`
      select name, schema_name(schema_id) as "schema" from sys.tables`.execute(this.#db);
    return rows.map((row) => ({ ...row, columns: [], isView: false, isForeign: false }));
  }
}

/** How long to wait for another process that migrates, in ms. */
const migrationWaitMs = 60_000;

class MssqlPoolAdapter extends MssqlAdapter {
  readonly #schema: string;

  constructor(schema: string) {
    super();
    this.#schema = schema;
  }

  /** The compiler makes OUTPUT of it. */
  override get supportsReturning(): boolean {
    return true;
  }

  /** One process at a time migrates a schema. The lock is the transaction's, so it ends with whoever has it. */
  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    await lockNamed(db, `migrations of ${this.#schema}`, migrationWaitMs);
  }

  override async releaseMigrationLock(): Promise<void> {}
}

function createRunner({ server, ...times }: MssqlDialectOptions): QueryRunner<MssqlTransaction> {
  return {
    begin: ({ accessMode }) =>
      beginMssqlTransaction(server, { isSnapshot: accessMode === "read only", ...times }),
    async execute<Row>({ sql: text, query, parameters }: CompiledQuery, transaction?: MssqlTransaction) {
      const statement = {
        // What is raw may have to be alone in its batch.
        sql: RawNode.is(query) ? text : server.withSettings(text, transaction ? "inTransaction" : "alone"),
        parameters: Object.fromEntries(parameters.map((value, index) => [String(index + 1), value])),
      };
      const result = transaction
        ? await transaction.execute(statement)
        : await server.execute(statement, { isRead: SelectQueryNode.is(query) });
      return toQueryResult<Row>(query, result);
    },
  };
}

function toQueryResult<Row>(query: CompiledQuery["query"], result: StatementResult): QueryResult<Row> {
  const rows = (result.sets[0] ?? []) as Row[];
  if (SelectQueryNode.is(query)) return { rows };
  return { rows, numAffectedRows: BigInt(result.affected) };
}
