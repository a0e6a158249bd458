import type { Failure } from "./sqlite-failure.ts";

/** Writers hold the one connection that writes; the connections of readers can't. */
export type ThreadRole = "writer" | "reader";

/** What a thread is started with. */
export interface ThreadSetup {
  role: ThreadRole;
  /** Of the database file. */
  path: string;
  /** How long what was overwritten or deleted may stay in the write-ahead log, in ms. */
  erasureDelayMs: number;
}

/** What a thread can be asked. It answers one request after the other, in the order in which they were posted. */
export type ThreadRequest =
  | { type: "call"; name: string; args: readonly unknown[] }
  | { type: "statement"; sql: string; parameters: readonly unknown[]; inTransaction: boolean }
  | { type: "begin" }
  | { type: "commit" }
  | { type: "rollback" }
  /** Opens the connection; makes the procedures of the module, if one is named. */
  | { type: "prepare"; procedures: string | undefined }
  | { type: "close" };

export interface RequestMessage {
  id: number;
  request: ThreadRequest;
}

/** An answer, or what happened unasked. */
export type ReplyMessage =
  | { id: number; failure?: undefined; value: unknown }
  | { id: number; failure: Failure }
  | { id?: undefined; notice: string; failure: Failure };

export interface StatementResult {
  rows: Record<string, unknown>[];
  /** Only of statements that answer no rows. */
  changes?: number | bigint;
  lastInsertRowid?: number | bigint;
}
