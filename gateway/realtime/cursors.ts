import type { RoomCursor } from "#gen/parley/realtime/v1/frames_pb.js";
import { keptByGap } from "./catch-up.ts";
import type { Connection } from "./connection.ts";
import type { LiveLog } from "./live-log.ts";
import { createFrame } from "./server-frame.ts";

/** Starts each named room over from its cursor; says of those that the person is not in that they are gone. */
export function startRooms(connection: Connection, cursors: readonly RoomCursor[]): void {
  for (const { roomId, afterSeq } of cursors) {
    const channel = connection.user?.rooms.get(roomId);
    if (channel) startAt(connection, channel, afterSeq);
    else connection.push(createFrame({ kind: { case: "roomGone", value: { roomId } } }));
  }
}

/**
 * Starts a log over from a cursor, or from its head without one; `caughtUp` follows in any case. A cursor of another
 * epoch says nothing about this log: the client has to forget what it has.
 */
export function startAt(connection: Connection, log: LiveLog, afterSeq: bigint | undefined): void {
  const reset = afterSeq !== undefined && connection.foreignEpoch;
  if (reset) {
    const nextSeq = BigInt(log.seq + 1);
    connection.traffic.gaps += 1;
    connection.push(createFrame({ kind: { case: "gap", value: { log: log.where, nextSeq, reset } } }));
  }
  connection.restart(log, reset || afterSeq === undefined ? log.seq : Number(afterSeq), keptByGap);
}
