import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { type Database, openDatabase } from "../common/database/database.ts";
import { createSqlOutboxStore } from "../common/database/outbox-store.ts";
import { createOutbox, type Outbox } from "../common/events/outbox.ts";
import { runForever, type Service, type ServiceDeps } from "../common/lifecycle.ts";
import type { RoomConfig } from "./config.ts";
import { readEpoch } from "./db/epoch.ts";
import { migrations } from "./db/migrations/migrations.ts";
import type { RoomTables } from "./db/tables.ts";
import { createDirectRooms } from "./direct-rooms.ts";
import { renderAnnouncement } from "./events.ts";
import { createHandover } from "./handover.ts";
import { createHandoverSweeper } from "./handover-sweeper.ts";
import { createInternalRoutes } from "./internal-routes.ts";
import { createInvitationAcceptance } from "./invitation-acceptance.ts";
import { createInvitationExpiry } from "./invitation-expiry.ts";
import { createInvitations } from "./invitations.ts";
import { createMembers } from "./members.ts";
import { createRoomWrites } from "./room-writes.ts";
import { createRooms } from "./rooms.ts";
import { createRoutes } from "./routes.ts";
import { createUsers } from "./users.ts";

export type RoomDeps = Pick<ServiceDeps, "logger" | "rpc" | "events" | "metrics"> & {
  /** Milliseconds since the epoch; the system's clock if absent. */
  clock?: () => number;
};

/**
 * Room: rooms, who is in them with which role, and invitations. Decides every change, logs it, and hands it over to
 * Message before it answers; the event log carries the same changes once more.
 */
export async function startRoom(config: RoomConfig, deps: RoomDeps): Promise<Service> {
  const { logger, metrics, rpc, events, clock = Date.now } = deps;
  const database = await openDatabase<RoomTables>({
    url: config.databaseUrl,
    name: "room",
    migrations,
    logger,
    metrics,
  });
  const outbox = createOutbox({
    store: createSqlOutboxStore({ kysely: database.kysely, clock }),
    log: events,
    render: (row) => renderAnnouncement(database.kysely, row),
    headers: { epoch: await readEpoch(database.kysely) },
    logger,
    service: "room",
    metrics,
    clock,
  });
  const { routes, internalRoutes, work } = createRoom(config, { database, outbox, logger, rpc, clock });
  const served = [rpc.serve(RoomService, routes), rpc.serve(RoomInternalService, internalRoutes)];
  const stop = new AbortController();
  const running = work.map(({ name, run }) => runForever(name, run, stop.signal, logger));
  return {
    name: "room",
    async close() {
      await Promise.all(served.map((service) => service.close()));
      stop.abort();
      await Promise.all(running);
      await outbox.close();
      await database.close();
    },
  };
}

interface RoomParts extends Pick<ServiceDeps, "logger" | "rpc"> {
  database: Database<RoomTables>;
  outbox: Outbox;
  clock: () => number;
}

function createRoom({ limits }: RoomConfig, { database, outbox, logger, rpc, clock }: RoomParts) {
  const handover = createHandover({ database, rpc, logger });
  const writes = createRoomWrites({ database, handover, outbox, clock });
  const users = createUsers({ rpc });
  const sweeper = createHandoverSweeper({ database, handover, clock });
  const expiry = createInvitationExpiry({ database, clock });
  return {
    routes: createRoutes({
      rooms: createRooms({ database, writes, users, limits, clock }),
      directRooms: createDirectRooms({ database, writes, users, limits, clock }),
      members: createMembers({ database, writes }),
      invitations: createInvitations({ database, writes, users, clock }),
      acceptance: createInvitationAcceptance({ database, writes, limits, clock }),
    }),
    internalRoutes: createInternalRoutes({ database }),
    work: [
      { name: "outbox", run: (signal: AbortSignal) => outbox.run(signal) },
      { name: "handover", run: (signal: AbortSignal) => sweeper.run(signal) },
      { name: "invitation expiry", run: (signal: AbortSignal) => expiry.run(signal) },
    ],
  };
}
