import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from "kysely";
import { currentCaller, refuseGone } from "../caller-gone.ts";

/** A transaction that was begun. */
export interface OpenTransaction {
  commit(): Promise<void>;
  /** Never fails, and does nothing when the transaction is over. */
  rollback(): Promise<void>;
}

/** How a database does what Kysely asks of it. */
export interface QueryRunner<Transaction extends OpenTransaction> {
  begin(settings: TransactionSettings): Promise<Transaction>;
  /** Runs a query in the transaction, or without one by itself. */
  execute<Row>(query: CompiledQuery, transaction: Transaction | undefined): Promise<QueryResult<Row>>;
}

/**
 * A connection is nothing but the place of a transaction: without one, each query finds its own way. Whoever is gone
 * when a transaction's turn has come gets none.
 */
export class TransactionDriver<Transaction extends OpenTransaction> implements Driver {
  readonly #runner: QueryRunner<Transaction>;

  constructor(runner: QueryRunner<Transaction>) {
    this.#runner = runner;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<TransactionConnection<Transaction>> {
    return new TransactionConnection(this.#runner);
  }

  async beginTransaction(
    connection: TransactionConnection<Transaction>,
    settings: TransactionSettings,
  ): Promise<void> {
    await connection.begin(settings);
  }

  async commitTransaction(connection: TransactionConnection<Transaction>): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: TransactionConnection<Transaction>): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: TransactionConnection<Transaction>): Promise<void> {
    await connection.rollback();
  }

  async destroy(): Promise<void> {}
}

class TransactionConnection<Transaction extends OpenTransaction> implements DatabaseConnection {
  readonly #runner: QueryRunner<Transaction>;
  #transaction: Transaction | undefined;

  constructor(runner: QueryRunner<Transaction>) {
    this.#runner = runner;
  }

  async begin(settings: TransactionSettings): Promise<void> {
    const caller = currentCaller();
    refuseGone(caller);
    this.#transaction = await this.#runner.begin(settings);
    if (caller?.failure !== undefined) await this.rollback();
    refuseGone(caller);
  }

  async commit(): Promise<void> {
    await this.#transaction?.commit();
    this.#transaction = undefined;
  }

  async rollback(): Promise<void> {
    await this.#transaction?.rollback();
    this.#transaction = undefined;
  }

  executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.#runner.execute(query, this.#transaction);
  }

  // biome-ignore lint/correctness/useYield: it is the interface's name for what isn't offered
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("queries can't be streamed: ask page by page");
  }
}
