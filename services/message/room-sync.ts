import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import { forEverybody } from "../common/caller-gone.ts";
import { isId } from "../common/ids.ts";
import type { RpcClients } from "../common/rpc/rpc.ts";
import { otherHistoryError } from "./errors.ts";
import type { MessageDatabase, TimelineQueue } from "./timeline-queue.ts";
import { eventKind, invitedChange, type RoomChangeRow } from "./types.ts";

/**
 * Keeps timelines in step with what Room decides. Room hands its changes over; what it could not hand over, since a
 * process died or couldn't be reached, is pulled when someone is missing from a room, and when the event log tells of it.
 *
 * Pulls of a room are coalesced: one is under way at a time, and who asks meanwhile waits for the next one, which begins
 * after it and so sees everything that Room had decided before the asking.
 */
export interface RoomSync {
  /**
   * Applies changes of one room and what is missing below them; answers the version that the timeline then has. Throws
   * if a version is known under another change id.
   */
  apply(changes: readonly RoomChange[]): Promise<number>;
  /** Applies what Room has decided and not handed over. Throws if Room can't be reached in time. */
  pull(roomId: string): Promise<void>;
  /** The same, but if Room can't be reached what is known already decides. */
  tryPull(roomId: string): Promise<void>;
}

export interface RoomSyncDeps {
  database: Pick<MessageDatabase, "read">;
  queue: Pick<TimelineQueue, "append">;
  rpc: RpcClients;
  logger: Logger;
}

const pullTimeoutMs = 2000;

interface Pulls {
  current: Promise<void>;
  next: Promise<void> | undefined;
}

export function createRoomSync({ database, queue, rpc, logger }: RoomSyncDeps): RoomSync {
  const rooms = rpc.client(RoomInternalService);
  const pulls = new Map<string, Pulls>();

  async function applyRows(roomId: string, changes: readonly RoomChange[]) {
    const result = await queue.append(["apply", roomId, changes.map(toRow)]);
    if (result[0] === "conflict") {
      logger.error({ roomId, version: result[1] }, "another change of the same version: restored alone?");
      throw otherHistoryError(roomId, result[1]);
    }
    return result;
  }

  async function pullAll(roomId: string): Promise<void> {
    const options = { signal: AbortSignal.timeout(pullTimeoutMs) };
    let [version] = (await database.read("roomVersions", [roomId])) as [number];
    for (let more = true; more; ) {
      const request = { roomId, afterVersion: BigInt(version) };
      const { changes, hasMore } = await rooms.listRoomChanges(request, options);
      if (changes.length === 0) return;
      const [outcome, reached] = await applyRows(roomId, changes);
      if (outcome !== "applied") throw new Error(`room ${roomId}: Room lists no version ${reached + 1}`);
      logger.info({ roomId, version: reached }, "pulled changes of a room");
      version = reached;
      more = hasMore;
    }
  }

  function start(roomId: string): Promise<void> {
    const own: Pulls = { current: forEverybody(() => pullAll(roomId)), next: undefined };
    pulls.set(roomId, own);
    const finish = () => {
      if (pulls.get(roomId) === own) pulls.delete(roomId);
    };
    own.current.then(finish, finish);
    return own.current;
  }

  async function pull(roomId: string): Promise<void> {
    // What is no id is no room's.
    if (!isId(roomId)) return;
    const under = pulls.get(roomId);
    if (under === undefined) return start(roomId);
    const again = () => start(roomId);
    under.next ??= under.current.then(again, again);
    return under.next;
  }

  return {
    async apply(changes) {
      const roomId = changes[0]?.roomId ?? "";
      const [outcome, version] = await applyRows(roomId, changes);
      if (outcome === "applied") return version;
      await pull(roomId);
      const [, reached] = await applyRows(roomId, changes);
      return reached;
    },
    pull,
    async tryPull(roomId) {
      try {
        await pull(roomId);
      } catch (err) {
        logger.warn({ err, roomId }, "changes of a room can't be pulled");
      }
    },
  };
}

function toRow(change: RoomChange): RoomChangeRow {
  const { body } = change;
  const none = { userId: "", role: 0, name: "", topic: "", invitationId: "" };
  return {
    version: Number(change.version),
    changeId: change.changeId,
    actorId: change.actorId,
    at: change.at ? timestampMs(change.at) : 0,
    ...none,
    ...bodyRow(body),
  };
}

function bodyRow({
  case: kind,
  value,
}: RoomChange["body"]): Pick<RoomChangeRow, "kind"> & Partial<RoomChangeRow> {
  switch (kind) {
    case "memberJoined":
    case "roleChanged":
      return { kind: eventKind[kind], userId: value.userId, role: value.role };
    case "memberLeft":
    case "memberRemoved":
      return { kind: eventKind[kind], userId: value.userId };
    case "roomUpdated":
      return { kind: eventKind[kind], name: value.name, topic: value.topic };
    case "roomDeleted":
      return { kind: eventKind[kind] };
    case "invited":
      return { kind: invitedChange, userId: value.userId, invitationId: value.invitationId };
    default:
      throw new TypeError("a change of an unknown kind");
  }
}
