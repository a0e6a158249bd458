import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Admin, Kafka, KafkaConfig as KafkaJsConfig } from "kafkajs";
import type { Logger } from "pino";
import { backoffMs } from "../backoff.ts";
import type { KafkaConfig } from "./kafka-config.ts";
import { kafkajs } from "./kafka-library.ts";
import { createTlsSockets } from "./kafka-tls.ts";

/** How long one request may take, and a connection to come about, in ms. */
const requestTimeoutMs = 5_000;
const connectionTimeoutMs = 3_000;

/**
 * The client library. Whoever uses it decides how long something is tried again, so it tries only a few times itself;
 * what it logs is detail: that something is away is said once, by who notices.
 */
export function createKafkaClient(
  config: Pick<KafkaConfig, "brokers" | "tls" | "sasl">,
  logger: Logger,
): Kafka {
  const { brokers, tls, sasl } = config;
  const options: KafkaJsConfig = {
    clientId: `parley-${hostname()}-${process.pid}`,
    brokers: [...brokers],
    requestTimeout: requestTimeoutMs,
    connectionTimeout: connectionTimeoutMs,
    authenticationTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, log: { message, timestamp: _, logger: _name, ...fields } }) =>
        logger.debug({ kafka: namespace, ...fields }, message),
  };
  if (tls) Object.assign(options, { ssl: true, socketFactory: createTlsSockets(tls, logger) });
  if (sasl) options.sasl = { ...sasl } as NonNullable<KafkaJsConfig["sasl"]>;
  return new kafkajs.Kafka(options);
}

/** Does something with a connection of its own, which is made for that and closed. */
export type WithAdmin = <T>(work: (admin: Admin) => Promise<T>) => Promise<T>;

/** How often work is begun, at the most, while partitions are between two leaders. */
const maxAttempts = 6;
const leaderBackoff = { firstMs: 100, capMs: 1_000 };

/**
 * A partition that has just been made, or changed its leader, is asked for at a broker that does not lead it yet or any
 * more. KafkaJS tries nearly everything else again itself; here the work is begun anew, on a connection that looks for
 * the leaders anew. What it had done by then is done twice, so it must be what can be.
 */
export function createWithAdmin(kafka: Kafka): WithAdmin {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await onConnection(kafka, work);
      } catch (error) {
        if (attempt === maxAttempts || !isBetweenLeaders(error)) throw error;
        await sleep(backoffMs(attempt, leaderBackoff));
      }
    }
  };
}

async function onConnection<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    // Nobody waits for it: a broker that is gone doesn't answer.
    admin.disconnect().catch(() => {});
  }
}

function isBetweenLeaders(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSProtocolError && error.type === "NOT_LEADER_FOR_PARTITION";
}

/** What `work` answers, or undefined when the time is up. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
