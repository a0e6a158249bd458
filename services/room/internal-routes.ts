import type { ServiceImpl } from "@connectrpc/connect";
import type { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import type { Database } from "../common/database/database.ts";
import { isId } from "../common/ids.ts";
import { listWholeCalls } from "./db/changes.ts";
import type { RoomTables } from "./db/tables.ts";
import { changesPerSlice } from "./handover.ts";

export function createInternalRoutes(deps: {
  database: Database<RoomTables>;
}): ServiceImpl<typeof RoomInternalService> {
  return {
    async listRoomChanges({ roomId, afterVersion }) {
      if (!isId(roomId)) return {};
      return listWholeCalls(deps.database.kysely, roomId, Number(afterVersion), changesPerSlice);
    },
  };
}
