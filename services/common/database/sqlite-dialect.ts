import {
  type CompiledQuery,
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
} from "kysely";
import { currentCaller } from "../caller-gone.ts";
import type { SqliteLane, SqliteTransaction } from "./sqlite-lane.ts";
import type { StatementResult } from "./sqlite-protocol.ts";
import { type QueryRunner, TransactionDriver } from "./transaction-driver.ts";

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
    return new TransactionDriver(createRunner(this.#lanes));
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

function createRunner(lanes: SqliteLanes): QueryRunner<SqliteTransaction> {
  /** What raw SQL does can't be told. */
  const laneOf = (query: CompiledQuery["query"]) =>
    SelectQueryNode.is(query) ? lanes.reader() : lanes.writer;
  return {
    begin: ({ accessMode }) =>
      (accessMode === "read only" ? lanes.reader() : lanes.writer).begin(currentCaller()),
    async execute<Row>(compiled: CompiledQuery, transaction?: SqliteTransaction) {
      const { sql, query } = compiled;
      const parameters = compiled.parameters.map(detached);
      const result = transaction
        ? await transaction.execute(sql, parameters)
        : await laneOf(query).request(
            { type: "statement", sql, parameters, inTransaction: false },
            currentCaller(),
          );
      return toQueryResult<Row>(query, result as StatementResult);
    },
  };
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
