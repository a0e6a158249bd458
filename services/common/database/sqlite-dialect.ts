import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  InsertQueryNode,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from "kysely";
import type { SqliteLane, SqliteTransaction } from "./sqlite-lane.ts";
import type { StatementResult } from "./sqlite-protocol.ts";

export interface SqliteLanes {
  writer: SqliteLane;
  /** The lane for the next read. */
  reader(): SqliteLane;
}

/** Kysely over database threads: who reads goes to a reader, who writes or can't be told goes to the writer. */
export class SqliteThreadsDialect implements Dialect {
  readonly #lanes: SqliteLanes;

  constructor(lanes: SqliteLanes) {
    this.#lanes = lanes;
  }

  createDriver(): Driver {
    return new SqliteThreadsDriver(this.#lanes);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteThreadsAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

class SqliteThreadsAdapter extends SqliteAdapter {
  /** The lanes keep transactions apart. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** SQLite does; Kysely's own dialect says no because it has one connection for everybody. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** A connection is nothing but the place of a transaction: without one, each query finds its own lane. */
class SqliteThreadsDriver implements Driver {
  readonly #lanes: SqliteLanes;

  constructor(lanes: SqliteLanes) {
    this.#lanes = lanes;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteThreadsConnection> {
    return new SqliteThreadsConnection(this.#lanes);
  }

  async beginTransaction(connection: SqliteThreadsConnection, settings: TransactionSettings): Promise<void> {
    await connection.begin(settings);
  }

  async commitTransaction(connection: SqliteThreadsConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: SqliteThreadsConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: SqliteThreadsConnection): Promise<void> {
    await connection.rollback();
  }

  async destroy(): Promise<void> {}
}

class SqliteThreadsConnection implements DatabaseConnection {
  readonly #lanes: SqliteLanes;
  #transaction: SqliteTransaction | undefined;

  constructor(lanes: SqliteLanes) {
    this.#lanes = lanes;
  }

  async begin({ accessMode }: TransactionSettings): Promise<void> {
    const lane = accessMode === "read only" ? this.#lanes.reader() : this.#lanes.writer;
    this.#transaction = await lane.begin();
  }

  async commit(): Promise<void> {
    await this.#transaction?.commit();
    this.#transaction = undefined;
  }

  async rollback(): Promise<void> {
    await this.#transaction?.rollback();
    this.#transaction = undefined;
  }

  async executeQuery<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    const { sql, query } = compiled;
    const parameters = compiled.parameters.map(detached);
    const result = (await (this.#transaction
      ? this.#transaction.execute(sql, parameters)
      : this.#laneOf(query).request({
          type: "statement",
          sql,
          parameters,
          inTransaction: false,
        }))) as StatementResult;
    return toQueryResult<Row>(query, result);
  }

  // biome-ignore lint/correctness/useYield: it is the interface's name for what isn't offered
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("queries can't be streamed: ask page by page");
  }

  /** What raw SQL does can't be told. */
  #laneOf(query: CompiledQuery["query"]): SqliteLane {
    return SelectQueryNode.is(query) ? this.#lanes.reader() : this.#lanes.writer;
  }
}

/** Structured clone copies the whole memory that a view shows a part of, which for a small Buffer is a pool of 8 KiB. */
function detached(parameter: unknown): unknown {
  if (!(parameter instanceof Uint8Array) || parameter.byteLength === parameter.buffer.byteLength)
    return parameter;
  return new Uint8Array(parameter);
}

function toQueryResult<Row>(query: CompiledQuery["query"], result: StatementResult): QueryResult<Row> {
  const rows = result.rows as Row[];
  if (SelectQueryNode.is(query)) return { rows };
  const numAffectedRows = BigInt(result.changes ?? rows.length);
  if (!InsertQueryNode.is(query) || result.lastInsertRowid === undefined) return { rows, numAffectedRows };
  return { rows, numAffectedRows, insertId: BigInt(result.lastInsertRowid) };
}
