import type { EventsConfig } from "../common/events/kafka-config.ts";
import { createLogger } from "../common/logger.ts";
import type { Finding } from "./finding.ts";

/** Whether the Kafka cluster answers and has the topics as configured; nothing to find where there is none. */
export async function checkEvents(config: EventsConfig): Promise<Finding[]> {
  if (config.kind === "embedded") return [];
  const { checkTopics } = await import("../common/events/kafka-topics.ts");
  const logger = createLogger({ level: "silent", pretty: false });
  try {
    const states = await checkTopics(config, logger);
    return [
      { what: "Kafka", found: config.brokers.join(", ") },
      ...states.map(({ name, exists, partitions, problems }): Finding => {
        const what = `topic ${name}`;
        if (!exists) return { what, found: "missing", advice: "Run `parley migrate`, which makes it." };
        if (problems.length === 0) return { what, found: `${partitions} partitions, as configured` };
        const advice = "Change the topic with Kafka's own tools, or the variable: Parley changes no topic.";
        return { what, found: problems.join("; "), advice };
      }),
    ];
  } catch (error) {
    const advice = "Check PARLEY_EVENTS_URL, the brokers, and PARLEY_KAFKA_USERNAME and the like.";
    return [{ what: "Kafka", found: (error as Error).message, advice }];
  }
}
