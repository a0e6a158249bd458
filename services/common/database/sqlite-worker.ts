import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { createCheckpoints } from "./sqlite-checkpoints.ts";
import { createSqliteConnection, type OpenConnection, requireTransaction } from "./sqlite-connection.ts";
import { breaksConnection, toFailure } from "./sqlite-failure.ts";
import type {
  ReplyMessage,
  RequestMessage,
  StatementResult,
  ThreadRequest,
  ThreadSetup,
} from "./sqlite-protocol.ts";

/**
 * A database thread: one connection, and requests answered one after the other. Nothing here awaits but the import of
 * the procedures, and until that is answered nothing else is asked. Answers leave before any housekeeping.
 */

type Procedures = Record<string, (...args: readonly unknown[]) => unknown>;
type CreateProcedures = (db: DatabaseSync) => Procedures;
type PlainRequest = Exclude<ThreadRequest, { type: "prepare" }>;

const { role, path, erasureDelayMs } = workerData as ThreadSetup;
const port = parentPort!;
const connection = createSqliteConnection({ path, role });
const checkpoints = createCheckpoints({ current: connection.current, erasureDelayMs, onFailure: tell });
const procedures = new WeakMap<OpenConnection, Procedures>();
let createProcedures: CreateProcedures = () => ({});

port.on("message", ({ id, request }: RequestMessage) => {
  if (request.type === "prepare") void prepare(id, request.procedures);
  else respond(id, request);
});

function respond(id: number, request: PlainRequest): void {
  try {
    reply({ id, value: answer(request) });
  } catch (error) {
    const goesOn = request.type === "statement" && request.inTransaction && !breaksConnection(error);
    if (!goesOn) connection.recover(error);
    reply({ id, failure: toFailure(error) });
  }
  if (role === "writer") checkpoints.afterWrite();
}

function answer(request: PlainRequest): unknown {
  switch (request.type) {
    case "call":
      return call(request.name, request.args);
    case "statement":
      return request.inTransaction ? executeInTransaction(request) : executeAlone(request);
    case "begin":
      return connection.open().begin();
    case "commit":
      requireTransaction(connection.open());
      return connection.open().commit();
    case "rollback":
      return connection.recover(undefined);
    case "close":
      return close();
  }
}

function call(name: string, args: readonly unknown[]): unknown {
  const open = connection.open();
  const known = proceduresOf(open);
  const procedure = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!procedure) throw new TypeError(`the ${role} has no procedure ${name}`);
  open.begin();
  const value = procedure(...args);
  if (value instanceof Promise) throw new TypeError(`procedure ${name} must not be async`);
  open.commit();
  return value;
}

function executeInTransaction({ sql, parameters }: PlainRequest & { type: "statement" }): StatementResult {
  const open = connection.open();
  requireTransaction(open);
  return open.execute(sql, parameters);
}

function executeAlone({ sql, parameters }: PlainRequest & { type: "statement" }): StatementResult {
  const open = connection.open();
  const result = open.execute(sql, parameters);
  // It would swallow the statements of others.
  if (open.db.isTransaction) throw new Error("begin transactions by kysely.transaction()");
  return result;
}

/** They hold statements of one connection, so a new connection needs new ones. */
function proceduresOf(open: OpenConnection): Procedures {
  let known = procedures.get(open);
  if (!known) {
    known = createProcedures(open.db);
    procedures.set(open, known);
  }
  return known;
}

async function prepare(id: number, url: string | undefined): Promise<void> {
  try {
    if (url !== undefined) createProcedures = await importProcedures(url);
    proceduresOf(connection.open());
    reply({ id, value: undefined });
  } catch (error) {
    reply({ id, failure: toFailure(error) });
    return;
  }
  // What a crash left in the log.
  if (role === "writer") checkpoints.truncate();
}

async function importProcedures(url: string): Promise<CreateProcedures> {
  const name = role === "writer" ? "createProcedures" : "createReadProcedures";
  const exported: unknown = (await import(url))[name];
  if (exported === undefined) return () => ({});
  if (typeof exported !== "function") throw new TypeError(`${name} of ${url} is not a function`);
  return exported as CreateProcedures;
}

function close(): void {
  checkpoints.stop();
  if (role === "writer") checkpoints.truncate();
  connection.close();
}

function tell(error: unknown): void {
  reply({ notice: "checkpoint failed, will try again", failure: toFailure(error) });
}

function reply(message: ReplyMessage): void {
  port.postMessage(message);
}
