import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { openDatabase } from "../common/database/database.ts";
import { createSqlOutboxStore } from "../common/database/outbox-store.ts";
import { createOutbox, type Outbox } from "../common/events/outbox.ts";
import { roomTopic } from "../common/events/topics.ts";
import { runForever, type Service, type ServiceDeps } from "../common/lifecycle.ts";
import { renderAnnouncement } from "./announcements.ts";
import { createBackgroundWork } from "./background.ts";
import type { MessageConfig } from "./config.ts";
import { createRoomConsumer } from "./consumer.ts";
import { migrations } from "./db/migrations/migrations.ts";
import { procedures, type ReadProcedures, type WriteProcedures } from "./db/procedures.ts";
import type { MessageTables } from "./db/tables.ts";
import { createInternalRoutes } from "./internal-routes.ts";
import { createReads } from "./reads.ts";
import { createRoomSync } from "./room-sync.ts";
import { createRoutes } from "./routes.ts";
import { createSendRates } from "./send-rates.ts";
import { createTimelineQueue, type MessageDatabase } from "./timeline-queue.ts";
import { createWrites } from "./writes.ts";

/** Milliseconds since the epoch; the system's clock if absent. It decides what is old, not what events are stamped by. */
export type MessageDeps = ServiceDeps & { clock?: () => number };

/**
 * Message: the timelines of rooms, what people have read of them, and people's feeds. Every write is a row of an
 * append-only log, committed in groups, acknowledged when it is durable and then published.
 */
export async function startMessage(config: MessageConfig, deps: MessageDeps): Promise<Service> {
  const { logger, rpc, events, metrics, tracer, clock = Date.now } = deps;
  const database = await openDatabase<MessageTables, WriteProcedures, ReadProcedures>({
    url: config.databaseUrl,
    name: "message",
    migrations,
    procedures,
    logger,
    metrics,
  });
  const epoch = await database.read("epoch");
  const outbox = createOutbox({
    store: createSqlOutboxStore({ kysely: database.kysely, clock }),
    log: events,
    render: (row) => renderAnnouncement(database, row),
    headers: { epoch },
    logger,
    service: "message",
    metrics,
    tracer,
    clock,
  });
  const { queue, routes, internalRoutes, consumer } = createMessage(config, {
    ...deps,
    database,
    outbox,
    epoch,
  });
  const subscription = events.subscribe(roomTopic, "message", consumer);
  const served = [rpc.serve(MessageService, routes), rpc.serve(MessageInternalService, internalRoutes)];
  const stop = new AbortController();
  const work = [
    { name: "outbox", run: (signal: AbortSignal) => outbox.run(signal) },
    ...createBackgroundWork({ config, database, queue, clock }),
  ];
  const running = work.map(({ name, run }) => runForever(name, run, stop.signal, logger));
  return {
    name: "message",
    async close() {
      await Promise.all(served.map((service) => service.close()));
      await subscription.close();
      stop.abort();
      await Promise.all(running);
      await queue.idle();
      await outbox.close();
      await database.close();
    },
  };
}

interface MessageParts extends ServiceDeps {
  database: MessageDatabase;
  outbox: Outbox;
  epoch: string;
}

function createMessage(config: MessageConfig, parts: MessageParts) {
  const { database, outbox, epoch, rpc, logger, metrics, tracer, verifier, validator } = parts;
  const queue = createTimelineQueue({ database, outbox, logger, metrics, tracer });
  const roomSync = createRoomSync({ database, queue, rpc, logger });
  const rates = createSendRates({ perUser: config.sendsPerUser, perRoom: config.sendsPerRoom }, metrics);
  const writes = createWrites({ queue, roomSync, rates, tracer });
  const reads = createReads({ database, roomSync });
  return {
    queue,
    routes: createRoutes({ database, reads, writes }),
    internalRoutes: createInternalRoutes({ database, roomSync, epoch, writes, verifier, validator }),
    consumer: createRoomConsumer({ database, roomSync }),
  };
}
