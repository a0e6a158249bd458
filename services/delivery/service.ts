import { DeliveryService } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { feedTopic, timelineTopic } from "../common/events/topics.ts";
import type { Service, ServiceDeps } from "../common/lifecycle.ts";
import type { DeliveryConfig } from "./config.ts";
import { createRoutes } from "./routes.ts";
import { traceHandover } from "./trace.ts";
import { createWatchers } from "./watchers.ts";

/**
 * Delivery: takes committed events from the event log and hands them to the gateways that asked for them. It keeps no
 * state but the gateways' interest. Its consumer group's offset is committed after the hand-over, which is into bounded
 * queues and never waits.
 */
export async function startDelivery(config: DeliveryConfig, deps: ServiceDeps): Promise<Service> {
  const watchers = createWatchers({ maxQueuedBatches: config.maxQueuedBatches, metrics: deps.metrics });
  deps.rpc.serve(DeliveryService, createRoutes({ watchers }));
  deps.events.subscribe(
    timelineTopic,
    "delivery",
    async (records) => {
      const traced = deps.tracer && traceHandover(deps.tracer, records);
      try {
        watchers.events(records, traced?.traces);
      } finally {
        traced?.ended();
      }
    },
    { rebalanced: () => watchers.rebalanced(), encoded: true },
  );
  deps.events.subscribe(feedTopic, "delivery", async (records) => {
    watchers.feedEntries(records.map((record) => ({ userId: record.key, entry: record.message })));
  });
  return {
    name: "delivery",
    async close() {
      watchers.close();
    },
  };
}
