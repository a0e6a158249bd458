import {
  type CompiledQuery,
  type DatabaseConnection,
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
  type TransactionSettings,
} from "kysely";
import { ParleyMssqlQueryCompiler } from "./mssql-compiler.ts";
import type { MssqlServer, StatementResult } from "./mssql-server.ts";
import { beginMssqlTransaction, type MssqlTransaction } from "./mssql-transaction.ts";
import { lockNamed } from "./named-lock.ts";

export interface MssqlDialectOptions {
  server: MssqlServer;
  /** Of the tables; also names the lock of those who migrate them. */
  schema: string;
  /** After how long a transaction in which nothing is asked is rolled back, in ms. */
  idleTimeoutMs: number;
}

/** Kysely on a pool of the driver's. Without a transaction each query finds its own connection. */
export class MssqlPoolDialect implements Dialect {
  readonly #options: MssqlDialectOptions;

  constructor(options: MssqlDialectOptions) {
    this.#options = options;
  }

  createDriver(): Driver {
    return new MssqlPoolDriver(this.#options);
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

class MssqlPoolDriver implements Driver {
  readonly #options: MssqlDialectOptions;

  constructor(options: MssqlDialectOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<MssqlPoolConnection> {
    return new MssqlPoolConnection(this.#options);
  }

  async beginTransaction(connection: MssqlPoolConnection, settings: TransactionSettings): Promise<void> {
    await connection.begin(settings);
  }

  async commitTransaction(connection: MssqlPoolConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: MssqlPoolConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: MssqlPoolConnection): Promise<void> {
    await connection.rollback();
  }

  async destroy(): Promise<void> {}
}

class MssqlPoolConnection implements DatabaseConnection {
  readonly #options: MssqlDialectOptions;
  #transaction: MssqlTransaction | undefined;

  constructor(options: MssqlDialectOptions) {
    this.#options = options;
  }

  async begin({ accessMode }: TransactionSettings): Promise<void> {
    const { server, idleTimeoutMs } = this.#options;
    const isSnapshot = accessMode === "read only";
    this.#transaction = await beginMssqlTransaction(server, { isSnapshot, idleTimeoutMs });
  }

  async commit(): Promise<void> {
    await this.#transaction?.commit();
    this.#transaction = undefined;
  }

  async rollback(): Promise<void> {
    await this.#transaction?.rollback();
    this.#transaction = undefined;
  }

  async executeQuery<Row>({ sql: text, query, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const place = this.#transaction ? "inTransaction" : "alone";
    const statement = {
      // What is raw may have to be alone in its batch.
      sql: RawNode.is(query) ? text : this.#options.server.withSettings(text, place),
      parameters: Object.fromEntries(parameters.map((value, index) => [String(index + 1), value])),
    };
    const result = this.#transaction
      ? await this.#transaction.execute(statement)
      : await this.#options.server.execute(statement, { isRead: SelectQueryNode.is(query) });
    return toQueryResult<Row>(query, result);
  }

  // biome-ignore lint/correctness/useYield: it is the interface's name for what isn't offered
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("queries can't be streamed: ask page by page");
  }
}

function toQueryResult<Row>(query: CompiledQuery["query"], result: StatementResult): QueryResult<Row> {
  const rows = (result.sets[0] ?? []) as Row[];
  if (SelectQueryNode.is(query)) return { rows };
  return { rows, numAffectedRows: BigInt(result.affected) };
}
