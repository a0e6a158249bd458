import type { Connection } from "./connection.ts";
import type { NumberedFrame } from "./server-frame.ts";

/**
 * A log that connections follow, a room's timeline or a person's feed, as catch-up needs to see it. Connections in
 * `live` have everything up to `seq` and get each further item in the tick in which the gateway learns of it.
 */
export interface LiveLog {
  /** How frames name this log. */
  readonly where: LogName;
  /** The last seq that live connections have. */
  readonly seq: number;
  readonly live: Set<Connection>;
  /** Items after a seq, in order; shared by all who ask for the same ones, so not to be changed. */
  page(after: number): Promise<LogPage>;
  /** Asks what the head is and follows up to it: after that, a cursor above `seq` is from no past of this log. */
  refresh(): Promise<void>;
}

export type LogName = { case: "roomId"; value: string } | { case: "feed"; value: true };

export interface LogPage {
  readonly frames: readonly NumberedFrame[];
  /** The oldest seq that is kept. */
  readonly firstSeq: number;
}
