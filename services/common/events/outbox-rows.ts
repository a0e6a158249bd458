import type { EventRecord } from "./event-log.ts";

/** What a row announces: the numbers from first to last of one key. */
export interface OutboxRow {
  readonly id: number;
  /** The topic's name. */
  readonly topic: string;
  /** The records' key. */
  readonly key: string;
  readonly firstNumber: number;
  readonly lastNumber: number;
}

/** Where the rows are: in the database of what they announce. */
export interface OutboxStore {
  /** Rows in the order of their ids: those above `afterId` that were created before a time (in ms). */
  listUnpublished(page: { createdBefore: number; afterId: number; limit: number }): Promise<OutboxRow[]>;
  /** Deletes rows; those that are gone already are no error. */
  delete(ids: readonly number[]): Promise<void>;
  /** Takes or prolongs the right to sweep; false while another process has it. */
  acquireLease(ttlMs: number): Promise<boolean>;
}

/**
 * Reads what a row announces, as it stands now. Gets a part of the numbers at a time when there are many; what exists no
 * more is left out. When it fails because something is down the sweep is tried again; any other failure puts the row
 * aside for a while, and the rest goes on.
 */
export type RenderOutboxRow = (row: OutboxRow) => Promise<readonly EventRecord[]>;
