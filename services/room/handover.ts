import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import { forEverybody } from "../common/caller-gone.ts";
import type { Database } from "../common/database/database.ts";
import { transact } from "../common/database/transact.ts";
import { UnavailableError } from "../common/errors.ts";
import type { RpcClients } from "../common/rpc/rpc.ts";
import { eraseTexts, listWholeCalls } from "./db/changes.ts";
import { deleteInvitations } from "./db/invitations.ts";
import { findAppliedVersion, raiseAppliedVersion } from "./db/pending.ts";
import type { RoomTables } from "./db/tables.ts";

/**
 * Hands changes that are committed over to the Message service, which puts them into the room's timeline.
 *
 * A room is handed over by one run at a time. Who asks while a run is under way waits for the next one, which begins
 * after it and so sees everything committed before the asking; all who wait share it. What is handed over twice, by two
 * replicas or after a crash, is taken once: Message goes by the version.
 */
export interface Handover {
  /**
   * Resolves when the timeline has every change of the room that was committed before the call. Throws
   * UnavailableError if that can't be achieved now.
   */
  settle(roomId: string): Promise<void>;
}

export interface HandoverDeps {
  database: Database<RoomTables>;
  rpc: RpcClients;
  logger: Logger;
}

/** Changes that go over together, in whole calls: of 2.5 KB at the most, well below what a gRPC message may hold. */
export const changesPerSlice = 500;

/** For one slice. Who waits for it is answered UNAVAILABLE then. */
const timeoutMs = 5_000;

/** The runs of one room: the one under way, and the one that those who came later wait for. */
interface Runs {
  current: Promise<void>;
  next: Promise<void> | undefined;
}

export function createHandover({ database, rpc, logger }: HandoverDeps): Handover {
  const message = rpc.client(MessageInternalService);
  const rooms = new Map<string, Runs>();

  const handOver = async (roomId: string): Promise<void> => {
    let applied = await findAppliedVersion(database.kysely, roomId);
    while (applied !== undefined) {
      const { changes, hasMore } = await listWholeCalls(database.kysely, roomId, applied, changesPerSlice);
      const last = changes.at(-1);
      if (last === undefined) return;
      await apply(roomId, changes, last);
      await noteApplied(database, roomId, changes, Number(last.version));
      applied = hasMore ? Number(last.version) : undefined;
    }
  };

  const apply = async (roomId: string, changes: RoomChange[], last: RoomChange): Promise<void> => {
    try {
      const { appliedVersion } = await message.applyRoomChanges({ changes }, { timeoutMs });
      if (appliedVersion >= last.version) return;
      throw new Error(
        `the timeline is at version ${appliedVersion} after version ${last.version} was applied`,
      );
    } catch (error) {
      // An outage passes by itself. That the timeline refuses what was decided needs somebody to look at it: most likely
      // one of the two databases was restored without the other.
      const isRefused = error instanceof ConnectError && error.code === Code.FailedPrecondition;
      const details = { err: error, roomId, version: Number(last.version) };
      if (isRefused) logger.fatal(details, "the timeline refuses changes that Room has made");
      else logger.warn(details, "changes not handed over yet");
      throw new UnavailableError("the room's timeline can't be reached; repeating the call is safe", error);
    }
  };

  const start = (roomId: string): Promise<void> => {
    const runs: Runs = { current: forEverybody(() => handOver(roomId)), next: undefined };
    rooms.set(roomId, runs);
    const finish = () => {
      if (runs.next === undefined) rooms.delete(roomId);
    };
    runs.current.then(finish, finish);
    return runs.current;
  };

  return {
    settle(roomId) {
      const runs = rooms.get(roomId);
      if (runs === undefined) return start(roomId);
      const again = () => start(roomId);
      runs.next ??= runs.current.then(again, again);
      return runs.next;
    },
  };
}

/**
 * The ways into a deleted room are forgotten only now: until here they had to be answered for. So are the names it had,
 * which the timeline had to get; slice by slice, before it is noted, so that a crash in between has it done again.
 */
async function noteApplied(
  { kysely }: Database<RoomTables>,
  roomId: string,
  changes: readonly RoomChange[],
  version: number,
): Promise<void> {
  const isDeleted = changes.some(({ body }) => body.case === "roomDeleted");
  if (isDeleted) await eraseTexts(kysely, roomId);
  await transact(kysely, async (db) => {
    await raiseAppliedVersion(db, roomId, version);
    if (isDeleted) await deleteInvitations(db, roomId);
  });
}
