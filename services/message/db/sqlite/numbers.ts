import type { DatabaseSync, StatementSync } from "node:sqlite";
import { idToBytes, isId } from "../../../common/ids.ts";

/** The numbers of rooms and people, which they keep for ever. */
export interface Numbers {
  /** Undefined for whom the database doesn't know. */
  roomNo(roomId: string): number | undefined;
  userNo(userId: string): number | undefined;
}

const limit = 100_000;

/**
 * Those that were found are remembered. In the writer, only what is committed may be asked for: what a transaction has
 * inserted itself might be rolled back, and the number then given to another.
 */
export function createNumbers(db: DatabaseSync): Numbers {
  const room = db.prepare("select room_no as no from room where room_id = ?");
  const person = db.prepare("select user_no as no from person where user_id = ?");
  return { roomNo: remembered(room), userNo: remembered(person) };
}

function remembered(statement: StatementSync): (id: string) => number | undefined {
  const known = new Map<string, number>();
  return (id) => {
    const number = known.get(id);
    if (number !== undefined || !isId(id)) return number;
    const row = statement.get(idToBytes(id)) as { no: number } | undefined;
    if (row === undefined) return undefined;
    if (known.size >= limit) known.clear();
    known.set(id, row.no);
    return row.no;
  };
}
