import type { Message } from "kafkajs";
import type { Logger } from "pino";
import { backoffMs, pause } from "../backoff.ts";
import { DeliveryStoppedError } from "./event-log.ts";
import type { RawRecord } from "./kafka-assignment.ts";
import type { KafkaPublisher } from "./kafka-publisher.ts";
import { header } from "./kafka-records.ts";

/** What a dead letter carries on top of the record's own headers. */
export const deadLetterHeader = {
  group: "dead-letter-group",
  /** What the handler threw. */
  reason: "dead-letter-reason",
  /** RFC 3339. */
  at: "dead-letter-at",
  partition: "dead-letter-partition",
  offset: "dead-letter-offset",
} as const;

const reasonLength = 500;

export function toDeadLetter({ partition, message }: RawRecord, group: string, error: unknown): Message {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const { [header.onlyFor]: _, ...headers } = message.headers ?? {};
  return {
    key: message.key,
    value: message.value,
    // Its own time: what it holds is kept no longer than the record itself.
    timestamp: message.timestamp,
    headers: {
      ...headers,
      [deadLetterHeader.group]: group,
      [deadLetterHeader.reason]: reason.slice(0, reasonLength),
      [deadLetterHeader.at]: new Date().toISOString(),
      [deadLetterHeader.partition]: String(partition),
      [deadLetterHeader.offset]: message.offset,
    },
  };
}

/** Publishes until it succeeds; throws DeliveryStoppedError when the signal aborts before that. */
export async function keepDeadLetters(
  deps: { publisher: KafkaPublisher; logger: Logger },
  topic: string,
  letters: readonly Message[],
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      await deps.publisher.publish(topic, letters);
      return;
    } catch (err) {
      deps.logger.warn({ topic, attempt, err }, "dead letters can't be kept yet");
      await pause(backoffMs(attempt, { firstMs: 200, capMs: 5_000 }), signal);
    }
  }
  throw new DeliveryStoppedError();
}
