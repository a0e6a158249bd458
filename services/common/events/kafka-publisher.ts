import { setTimeout as sleep } from "node:timers/promises";
import type { Kafka, Message, Producer } from "kafkajs";
import type { Logger } from "pino";
import { UnavailableError } from "../errors.ts";
import { DeliveryStoppedError } from "./event-log.ts";
import { within } from "./kafka-client.ts";
import { createKafkaPartitioner } from "./kafka-partitioner.ts";

/**
 * Hands messages to the brokers, in the order in which they came.
 *
 * One request is under way at a time, so that a request that is repeated can't be overtaken, and what comes meanwhile
 * goes together into the next. That waits a little for more company where there was some: a lone publisher never does.
 * The producer isn't idempotent: KafkaJS' has lost its sequence under failures (issue 598), and consumers drop what comes
 * twice by its number.
 *
 * What isn't stored within the time-out is rejected and let go of: it may arrive all the same.
 */
export interface KafkaPublisher {
  /** Resolves when all in-sync replicas have the messages; rejects with UnavailableError or DeliveryStoppedError. */
  publish(topic: string, messages: readonly Message[]): Promise<void>;
  /** Waits up to `graceMs` for what is under way, rejects the rest. */
  close(graceMs: number): Promise<void>;
}

export interface KafkaPublisherDeps {
  kafka: Kafka;
  logger: Logger;
  /** One request was answered. */
  answered?: (messages: number, ms: number) => void;
  timeoutMs?: number;
}

interface Publication {
  readonly topic: string;
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly deadline: number;
  resolve(): void;
  reject(error: unknown): void;
}

const defaultTimeoutMs = 10_000;
/**
 * After a request that several shared, how long to gather for the next one, in ms: the longer the more there was, since
 * what a request costs, here, at the brokers and at each consumer, is hardly more for many records than for one.
 */
const gatherMs = (records: number): number => Math.min(10, Math.max(2, records / 8));
/** A partition's share of a request must stay below what brokers take, 1 MiB unless configured. */
const maxRequestBytes = 768 * 1024;
const maxRequestMessages = 2_000;

export function createKafkaPublisher({
  kafka,
  logger,
  answered,
  timeoutMs = defaultTimeoutMs,
}: KafkaPublisherDeps): KafkaPublisher {
  const producer: Producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: createKafkaPartitioner,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 3 },
  });
  let waiting: Publication[] = [];
  /** Also rejected when their time is up, though the library goes on trying. */
  let underWay: readonly Publication[] = [];
  let connected = false;
  let closed = false;
  let sending: Promise<void> | undefined;
  let expiry: NodeJS.Timeout | undefined;

  const take = (): Publication[] => {
    let bytes = 0;
    let messages = 0;
    let count = 0;
    for (const publication of waiting) {
      bytes += publication.bytes;
      messages += publication.messages.length;
      if (count > 0 && (bytes > maxRequestBytes || messages > maxRequestMessages)) break;
      count += 1;
    }
    return waiting.splice(0, count);
  };

  const send = async (batch: readonly Publication[]): Promise<void> => {
    if (!connected) await producer.connect();
    connected = true;
    const byTopic = new Map<string, Message[]>();
    for (const { topic, messages } of batch) {
      const gathered = byTopic.get(topic);
      if (gathered === undefined) byTopic.set(topic, [...messages]);
      else gathered.push(...messages);
    }
    const topicMessages = Array.from(byTopic, ([topic, messages]) => ({ topic, messages }));
    await producer.sendBatch({ acks: -1, timeout: 5_000, topicMessages });
  };

  const drain = async (): Promise<void> => {
    await undefined;
    while (waiting.length > 0) {
      const batch = take();
      underWay = batch;
      const started = performance.now();
      const records = batch.reduce((sum, { messages }) => sum + messages.length, 0);
      try {
        await send(batch);
        answered?.(records, performance.now() - started);
        for (const publication of batch) publication.resolve();
      } catch (error) {
        const failure = new UnavailableError("the event log does not take records", error);
        for (const publication of batch) publication.reject(failure);
      }
      underWay = [];
      if (batch.length > 1 && !closed) await sleep(gatherMs(records));
    }
    sending = undefined;
  };
  const expire = () => {
    const now = performance.now();
    const late = ({ deadline }: Publication) => deadline <= now;
    const expired = [...underWay, ...waiting].filter(late);
    waiting = waiting.filter((publication) => !late(publication));
    if (expired.length === 0) return;
    const failure = new UnavailableError(`the event log does not answer within ${timeoutMs} ms`);
    for (const publication of expired) publication.reject(failure);
  };

  return {
    publish(topic, messages) {
      if (closed) return Promise.reject(new DeliveryStoppedError("the event log is closed"));
      if (messages.length === 0) return Promise.resolve();
      expiry ??= setInterval(expire, 250).unref();
      return new Promise((resolve, reject) => {
        const deadline = performance.now() + timeoutMs;
        waiting.push({ topic, messages, bytes: bytesOf(messages), deadline, resolve, reject });
        sending ??= drain();
      });
    },
    async close(graceMs) {
      closed = true;
      await within(graceMs, sending ?? Promise.resolve());
      clearInterval(expiry);
      for (const publication of [...underWay, ...waiting]) publication.reject(new DeliveryStoppedError());
      waiting = [];
      await within(graceMs, producer.disconnect()).catch((err) =>
        logger.debug({ err }, "producer disconnected"),
      );
    },
  };
}

/** Roughly: keys, values, and what headers and framing take. */
function bytesOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { value }) => sum + (value?.length ?? 0) + 300, 0);
}
