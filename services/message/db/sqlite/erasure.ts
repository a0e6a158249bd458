import type { DatabaseSync } from "node:sqlite";
import type { WriteProcedures } from "../procedures.ts";

/**
 * Erases, a slice at a time, what was too much for the transaction of a deletion: the reactions of a message, then of a
 * deleted room the text of its events and its reactions. The events keep their places. What is left to do is in tables,
 * so it goes on after a crash.
 */
export function createErase(db: DatabaseSync): WriteProcedures["erase"] {
  const selectMessage = db.prepare("select room_no, message_seq from deleted_message limit 1");
  const deleteMessage = db.prepare("delete from deleted_message where room_no = ? and message_seq = ?");
  const selectRoom = db.prepare(`
    select deleted.room_no, deleted.erased_seq, room.head_seq from deleted_room as deleted
    join room on room.room_no = deleted.room_no where announced = 1 limit 1`);
  const updateRoom = db.prepare("update deleted_room set erased_seq = ? where room_no = ?");
  const deleteRoom = db.prepare("delete from deleted_room where room_no = ?");
  const eraseEvents = db.prepare(`
    update event set text = null, name = null, topic = null, client_id = null
    where room_no = ? and seq > ? and seq <= ?`);
  const deleteReactions = db.prepare(`
    delete from reaction where (room_no, message_seq, emoji, user_no) in (
      select room_no, message_seq, emoji, user_no from reaction
      where room_no = ? and message_seq between ? and ? limit ?)`);
  const deleteCounts = db.prepare(`
    delete from reaction_count where (room_no, message_seq, emoji) in (
      select room_no, message_seq, emoji from reaction_count where room_no = ? limit ?)`);

  function eraseMessage({ room_no, message_seq }: DeletedMessage, limit: number): void {
    const { changes } = deleteReactions.run(room_no, message_seq, message_seq, limit);
    if (Number(changes) < limit) deleteMessage.run(room_no, message_seq);
  }

  function eraseRoom({ room_no, erased_seq, head_seq }: DeletedRoom, limit: number): void {
    if (erased_seq < head_seq) {
      const upTo = Math.min(erased_seq + limit, head_seq);
      eraseEvents.run(room_no, erased_seq, upTo);
      updateRoom.run(upTo, room_no);
      return;
    }
    const reactions = deleteReactions.run(room_no, 0, head_seq, limit);
    const counts = deleteCounts.run(room_no, limit);
    if (Number(reactions.changes) < limit && Number(counts.changes) < limit) deleteRoom.run(room_no);
  }

  return (limit) => {
    const message = selectMessage.get() as DeletedMessage | undefined;
    if (message) {
      eraseMessage(message, limit);
      return true;
    }
    const room = selectRoom.get() as DeletedRoom | undefined;
    if (room) eraseRoom(room, limit);
    return room !== undefined;
  };
}

interface DeletedMessage {
  room_no: number;
  message_seq: number;
}

interface DeletedRoom {
  room_no: number;
  erased_seq: number;
  head_seq: number;
}

/** Deletes the beginnings of feeds, so that what is kept of each has no gap. */
export function createPruneFeeds(db: DatabaseSync): WriteProcedures["pruneFeeds"] {
  const selectOld = db.prepare(`
    select user_no, max(seq) as seq, count(*) as entries
    from (select user_no, seq from feed where at < ? order by at limit ?) group by user_no`);
  const deleteUpTo = db.prepare("delete from feed where user_no = ? and seq <= ?");
  const updatePerson = db.prepare("update person set feed_first_seq = ? where user_no = ?");

  return (before, limit) => {
    let entries = 0;
    for (const row of selectOld.all(before, limit) as { user_no: number; seq: number; entries: number }[]) {
      deleteUpTo.run(row.user_no, row.seq);
      updatePerson.run(row.seq + 1, row.user_no);
      entries += row.entries;
    }
    return entries === limit;
  };
}
