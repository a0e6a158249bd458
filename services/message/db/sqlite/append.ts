import type { DatabaseSync } from "node:sqlite";
import { createOutboxStatements } from "../../../common/database/outbox-table.ts";
import type { MemberOp, Op, OpResult } from "../../types.ts";
import type { WriteProcedures } from "../procedures.ts";
import { type Batch, createBatches } from "./batch.ts";
import { createEvents } from "./events.ts";
import { createMessageOps, createPosts } from "./messages.ts";
import { createReactionOps } from "./reactions.ts";
import { createReadMarkerOps } from "./read-markers.ts";
import { createRoomChangeOps } from "./room-changes.ts";

/**
 * Everything that is written to timelines and feeds, op by op, with prepared statements. The heads of rooms, the counts
 * of members and the ends of feeds are read once a batch and written once, at its end.
 */
export function createAppend(db: DatabaseSync): WriteProcedures["append"] {
  const outbox = createOutboxStatements(db);
  const begin = createBatches(db, outbox);
  const events = createEvents(db);
  const posts = createPosts(db);
  const messages = createMessageOps(db, { events, posts });
  const reactions = createReactionOps(db, { events, posts });
  const readMarkers = createReadMarkerOps(db);
  const roomChanges = createRoomChangeOps(db, { events });

  function run(batch: Batch, op: Op): OpResult {
    switch (op[0]) {
      case "apply":
        return roomChanges.apply(batch, op);
      case "announceReads":
        return readMarkers.announceReads(batch, op[1]);
      case "announceDeletions":
        return roomChanges.announceDeletions(batch, op[1]);
      default:
        return runMemberOp(batch, op);
    }
  }

  function runMemberOp(batch: Batch, op: MemberOp): OpResult {
    const room = batch.room(op[1]);
    const member = room && batch.member(room, op[2]);
    if (room === undefined || member === undefined) return ["refused", "NOT_MEMBER"];
    const done = op[5] && op[0] !== "send" ? events.made(room, member, op[5]) : undefined;
    if (done) return ["replayed", done.seq, done.at];
    switch (op[0]) {
      case "send":
        return messages.send(batch, room, member, op);
      case "edit":
        return messages.edit(batch, room, member, op);
      case "delete":
        return messages.delete(batch, room, member, op);
      case "react":
        return reactions.react(batch, room, member, op);
      case "unreact":
        return reactions.unreact(batch, room, member, op);
      case "markRead":
        return readMarkers.markRead(batch, room, member, op);
    }
  }

  return (ops, published) => {
    const batch = begin();
    outbox.delete(published);
    const results = ops.map((op) => run(batch, op));
    return { results, ...batch.finish() };
  };
}
