import { UnavailableError } from "../errors.ts";
import { ISOLATION_LEVEL, Transaction } from "./mssql-driver.ts";
import type { MssqlServer, Statement, StatementResult } from "./mssql-server.ts";

/** A transaction on a connection of its own. */
export interface MssqlTransaction {
  execute(statement: Statement): Promise<StatementResult>;
  commit(): Promise<void>;
  /** Never fails: what can't be undone here is undone by the server, with the connection. */
  rollback(): Promise<void>;
}

export interface TransactionOptions {
  /** It only reads, all of it as it was at the first statement. */
  isSnapshot: boolean;
  /** After how long without a statement it is rolled back, in ms. */
  idleTimeoutMs: number;
  /** From its beginning to its commit, in ms. */
  lifetimeMs: number;
}

/** Begins one. Throws UnavailableError if no connection is to be had. */
export async function beginMssqlTransaction(
  server: MssqlServer,
  { isSnapshot, idleTimeoutMs, lifetimeMs }: TransactionOptions,
): Promise<MssqlTransaction> {
  const transaction = new Transaction(server.pool);
  const level = isSnapshot ? ISOLATION_LEVEL.SNAPSHOT : ISOLATION_LEVEL.READ_COMMITTED;
  await transaction.begin(level).catch(async (error: unknown) => {
    throw await server.toError(error);
  });
  const ends = performance.now() + lifetimeMs;
  let isOver = false;
  let underWay = 0;
  const idle = setTimeout(() => {
    if (underWay === 0) void rollback();
  }, idleTimeoutMs);

  async function requireLife(): Promise<void> {
    if (performance.now() > ends) await rollback();
    if (isOver)
      throw new UnavailableError(undefined, new Error("the transaction took too long and was undone"));
  }

  async function rollback(): Promise<void> {
    clearTimeout(idle);
    if (isOver) return;
    isOver = true;
    const connection = connectionOf(transaction);
    try {
      await transaction.rollback();
    } catch {
      // It may be in the transaction still, so nobody else may get it.
      connection?.close();
    }
  }

  return {
    async execute(statement) {
      await requireLife();
      underWay += 1;
      try {
        return await server.executeIn(transaction, statement);
      } finally {
        underWay -= 1;
        if (!isOver) idle.refresh();
      }
    },
    async commit() {
      await requireLife();
      clearTimeout(idle);
      isOver = true;
      const connection = connectionOf(transaction);
      try {
        await transaction.commit();
      } catch (error) {
        connection?.close();
        throw await server.toError(error);
      }
    },
    rollback,
  };
}

/** The driver offers no way to end the connection of a transaction that can't be ended. */
function connectionOf(transaction: Transaction): { close(): void } | undefined {
  const { _acquiredConnection: connection } = transaction as unknown as {
    _acquiredConnection?: { close(): void } | null;
  };
  return connection ?? undefined;
}
