import { UnavailableError } from "../errors.ts";
import type { MssqlServer, StatementResult } from "./mssql-server.ts";

/** How a service's procedures reach the server's. */
export interface MssqlCalls {
  /**
   * Calls a stored procedure, `schema.name`; answers its result sets. It must be one transaction, or only read. One that
   * lost against another transaction, as a deadlock's victim or by a key that the other made first, is called again.
   */
  call(procedure: string, parameters: MssqlParameters): Promise<ResultSets>;
  /** The same for one that changes nothing: it is also called again when the connection was lost. */
  read(procedure: string, parameters: MssqlParameters): Promise<ResultSets>;
  /** How many characters a text has for the server's SUBSTRING. */
  lengthOf(text: string): number;
}

export type ResultSets = StatementResult["sets"];

/** By name. Null is left to the procedure's default. */
export type MssqlParameters = Record<string, string | number | Uint8Array | null>;

type Procedures = Record<string, (...args: unknown[]) => Promise<unknown>>;

interface ProcedureModule {
  createProcedures?(calls: MssqlCalls): Procedures;
  createReadProcedures?(calls: MssqlCalls): Procedures;
}

export interface MssqlProcedures {
  /** How many writing calls are not answered. */
  readonly load: number;
  /** One after the other, in the order given. */
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  read(name: string, args: readonly unknown[]): Promise<unknown>;
  /** Waits for those that were called before. */
  close(): Promise<void>;
}

/** The procedures of a module, if one is named. */
export async function createMssqlProcedures(
  server: MssqlServer,
  module: URL | undefined,
): Promise<MssqlProcedures> {
  const { writes, reads } = module ? await loadProcedures(server, module) : { writes: {}, reads: {} };
  let closed = false;
  let load = 0;
  let last: Promise<unknown> = Promise.resolve();

  function find(procedures: Procedures, name: string): Procedures[string] {
    if (closed) throw new UnavailableError("the database is closed");
    const procedure = Object.hasOwn(procedures, name) ? procedures[name] : undefined;
    if (!procedure) throw new Error(`there is no procedure ${name}`);
    return procedure;
  }

  return {
    get load() {
      return load;
    },
    async call(name, args) {
      const procedure = find(writes, name);
      const run = () => procedure(...args);
      const answer = last.then(run, run);
      last = answer;
      load += 1;
      try {
        return await answer;
      } finally {
        load -= 1;
      }
    },
    read: async (name, args) => find(reads, name)(...args),
    async close() {
      closed = true;
      await last.catch(() => {});
    },
  };
}

async function loadProcedures(server: MssqlServer, module: URL) {
  const { createProcedures, createReadProcedures }: ProcedureModule = await import(module.href);
  const calls = createCalls(server, await countsCodePoints(server));
  return { writes: createProcedures?.(calls) ?? {}, reads: createReadProcedures?.(calls) ?? {} };
}

/** With the collation that our texts have, SQL Server counts UTF-16 code units; other servers of T-SQL may not. */
async function countsCodePoints(server: MssqlServer): Promise<boolean> {
  const sql = "select len(N'\u{1f600}' collate Latin1_General_100_BIN2) as length";
  const { sets } = await server.execute({ sql, parameters: {} }, { isRead: true });
  return sets[0]?.[0]?.length === 1;
}

function createCalls(server: MssqlServer, inCodePoints: boolean): MssqlCalls {
  async function execute(
    procedure: string,
    parameters: MssqlParameters,
    isRead: boolean,
  ): Promise<ResultSets> {
    const given = Object.entries(parameters).filter(([, value]) => value !== null);
    const list = given.map(([name]) => `@${name} = @${name}`).join(", ");
    const call = `exec ${procedure} ${list};`;
    const sql = isRead ? inSnapshot(call) : server.withSettings(call, "alone");
    const statement = { sql, parameters: Object.fromEntries(given) };
    const { sets } = await server.execute(statement, { isRead, isProcedure: true });
    return sets;
  }

  /** The level stays with the connection, and all else that runs on it says which one it wants. */
  const inSnapshot = (call: string) =>
    `set transaction isolation level snapshot; set xact_abort on; begin transaction; ${call} commit transaction;`;

  return {
    call: (procedure, parameters) => execute(procedure, parameters, false),
    read: (procedure, parameters) => execute(procedure, parameters, true),
    lengthOf: inCodePoints ? countCodePoints : ({ length }) => length,
  };
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
