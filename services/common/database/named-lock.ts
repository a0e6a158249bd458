import { MssqlAdapter, type QueryExecutorProvider, sql } from "kysely";
import { UnavailableError } from "../errors.ts";

/**
 * Keeps others who take the lock of this name out until the transaction ends. On SQLite a transaction excludes all other
 * writers anyway.
 */
export async function lockNamed(
  transaction: QueryExecutorProvider,
  name: string,
  waitMs = 5000,
): Promise<void> {
  if (!(transaction.getExecutor().adapter instanceof MssqlAdapter)) return;
  const { rows } = await sql<{ code: number }>`
    declare @code int;
    exec @code = sp_getapplock @Resource = ${`parley ${name}`}, @LockMode = 'Exclusive', @LockOwner = 'Transaction',
      @LockTimeout = ${sql.lit(waitMs)};
    select @code as code`.execute(transaction);
  if ((rows[0]?.code ?? -1) < 0)
    throw new UnavailableError(undefined, new Error(`the lock ${name} is taken`));
}
