/** The driver's package is CommonJS: this is what we use of it, by name. */
import mssql from "mssql";

export const { ConnectionPool, ISOLATION_LEVEL, MSSQLError, Request, RequestError, Transaction, TYPES } =
  mssql;
export type ConnectionPool = mssql.ConnectionPool;
export type Transaction = mssql.Transaction;
export type Request = mssql.Request;
