import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import { bytesToId, idToBytes, isId } from "../../../common/ids.ts";
import { createPacked } from "./packed.ts";
import type { MssqlReads } from "./procedures.ts";

type RoomReads = Pick<MssqlReads, "userState" | "heads" | "roomVersions" | "epoch">;

export function createRoomReads(calls: MssqlCalls): RoomReads {
  async function heads(roomIds: readonly string[], userIds: readonly string[]) {
    const packed = createPacked(calls);
    // What is no id is nobody's.
    const list = (ids: readonly string[]) =>
      JSON.stringify(ids.flatMap((id, place) => (isId(id) ? { place, id: packed.id(id) } : [])));
    const parameters = { rooms: list(roomIds), people: list(userIds), ids: packed.ids };
    const [rooms = [], people = []] = await calls.read("message.heads", parameters);
    return { rooms, people };
  }

  return {
    async userState(userId) {
      if (!isId(userId)) return { feedSeq: 0, roomIds: [], seqs: [] };
      const [[person] = [], rooms = []] = await calls.read("message.user_state", {
        user_id: idToBytes(userId),
      });
      return {
        feedSeq: (person?.feed_seq as number | undefined) ?? 0,
        roomIds: rooms.map((row) => bytesToId(row.room_id as Uint8Array)),
        seqs: rooms.map((row) => row.head_seq as number),
      };
    },
    async heads(roomIds, userIds) {
      const { rooms, people } = await heads(roomIds, userIds);
      return {
        rooms: byPlace(rooms, "number", roomIds.length),
        feeds: byPlace(people, "number", userIds.length),
      };
    },
    async roomVersions(roomIds) {
      const { rooms } = await heads(roomIds, []);
      return byPlace(rooms, "version", roomIds.length);
    },
    async epoch() {
      const [[row] = []] = await calls.read("message.epoch", {});
      return row?.value as string;
    },
  };
}

/** 0 where there is nothing. */
function byPlace(rows: readonly Record<string, unknown>[], column: string, length: number): number[] {
  const numbers = new Array<number>(length).fill(0);
  for (const row of rows) numbers[row.place as number] = row[column] as number;
  return numbers;
}
