import type { Logger } from "pino";
import type { Metrics } from "../metrics.ts";
import { createEmbeddedEventLog } from "./embedded.ts";
import type { EventLog } from "./event-log.ts";
import type { EventsConfig } from "./kafka-config.ts";

export interface OpenEventLogDeps {
  logger: Logger;
  metrics?: Metrics | undefined;
}

/** A topic that Parley needs is not there. */
export class TopicsMissingError extends Error {
  constructor(names: readonly string[]) {
    super(`Kafka has no topic ${names.join(", ")}: \`parley migrate\` makes what is missing`);
    this.name = "TopicsMissingError";
  }
}

/** How long the start waits for the brokers, in ms. */
const checkTimeoutMs = 8_000;

/**
 * The event log that is configured. On Kafka, topics that are missing keep the process from starting, what is not as
 * configured is logged, and a cluster that is away is no reason not to start: what is committed meanwhile waits in the
 * outbox.
 */
export async function openEventLog(config: EventsConfig, deps: OpenEventLogDeps): Promise<EventLog> {
  if (config.kind === "embedded") return createEmbeddedEventLog(deps);
  // Loaded only where it is configured.
  const { checkTopics } = await import("./kafka-topics.ts");
  const { createKafkaEventLog } = await import("./kafka.ts");
  const { within } = await import("./kafka-client.ts");
  const { logger } = deps;
  const checking = checkTopics(config, logger).catch((err) => {
    logger.warn({ err }, "Kafka can't be reached, starting without it");
    return [];
  });
  const states = (await within(checkTimeoutMs, checking)) ?? [];
  const missing = states.filter(({ exists }) => !exists);
  if (missing.length > 0) throw new TopicsMissingError(missing.map(({ name }) => name));
  for (const { name, problems } of states)
    for (const problem of problems) logger.warn({ topic: name }, `the topic ${problem}`);
  return createKafkaEventLog({ config, ...deps });
}
