import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { WatchResponse } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { durationBuckets, type Metrics } from "../../services/common/metrics.ts";
import type { DeliveryLinks } from "./delivery-links.ts";
import type { Hub } from "./hub.ts";
import type { WriteRouter } from "./write-router.ts";

export interface DeliveryLag {
  /** To be told of what Delivery handed over, in the turn in which the hub got it. */
  received(response: WatchResponse): void;
}

/**
 * From an event's commit (its `at`, by the clock of the process that wrote it) to when it was written to the sockets, by
 * its oldest event for each batch. What is read from the log instead, as by who catches up, is not in it.
 */
export function createDeliveryLag(metrics: Metrics): DeliveryLag {
  const seconds = metrics.histogram({
    name: "parley_delivery_lag_seconds",
    help: "From the commit of a timeline event to when it was written to the sockets, once for each batch.",
    buckets: durationBuckets,
  });
  return {
    received({ events: [oldest] }) {
      const at = oldest?.at && timestampMs(oldest.at);
      if (at === undefined) return;
      // Connections are flushed at the end of the turn, in the order asked for.
      setImmediate(() => seconds.observe(Math.max(0, Date.now() - at) / 1000));
    },
  };
}

export interface Links {
  hub: Pick<Hub, "rooms" | "users">;
  link: Pick<DeliveryLinks, "connected" | "replicas">;
  writes: Pick<WriteRouter, "unanswered" | "replicas">;
}

/** Shows how the gateway stands with Delivery and Message, and what it follows. */
export function showLinks(metrics: Metrics, { hub, link, writes }: Links): void {
  metrics.gauge({
    name: "parley_delivery_connected",
    help: "1 while what is committed comes from Delivery; else the gateway also looks for it in the logs.",
    read: () => Number(link.connected),
  });
  showReplicas(metrics, "delivery", link);
  metrics.gauge({
    name: "parley_writes_unanswered",
    help: "Writes of realtime connections that Message has not answered.",
    read: () => writes.unanswered,
  });
  showReplicas(metrics, "message", writes);
  metrics.gauge({
    name: "parley_followed_rooms",
    help: "Rooms that the gateway follows.",
    read: () => count(hub.rooms()),
  });
  metrics.gauge({
    name: "parley_connected_users",
    help: "People with a realtime connection.",
    read: () => count(hub.users()),
  });
}

function showReplicas(
  metrics: Metrics,
  service: "message" | "delivery",
  links: Pick<DeliveryLinks | WriteRouter, "replicas">,
): void {
  const name = service === "message" ? "Message" : "Delivery";
  metrics.gauge({
    name: `parley_${service}_replicas`,
    help: `Replicas of ${name} that the gateway knows.`,
    read: () => links.replicas.known,
  });
  metrics.gauge({
    name: `parley_${service}_replicas_connected`,
    help: `Replicas of ${name} to which the gateway's stream stands.`,
    read: () => links.replicas.standing,
  });
}

function count(items: Iterable<unknown>): number {
  let total = 0;
  for (const _ of items) total += 1;
  return total;
}
