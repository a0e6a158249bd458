import { accessSync, constants } from "node:fs";
import type { EnvReader } from "../config.ts";
import { type KafkaTls, loadKafkaTls } from "./kafka-tls.ts";

/** Where events go: through this process, or through a Kafka cluster. */
export type EventsConfig = { readonly kind: "embedded" } | KafkaConfig;

export interface KafkaConfig {
  readonly kind: "kafka";
  /** host:port of some brokers; they tell of the others. */
  readonly brokers: readonly string[];
  /** Absent: in the clear. */
  readonly tls: KafkaTls | undefined;
  /** Absent: as nobody in particular. */
  readonly sasl: KafkaSasl | undefined;
  /** Before the names of topics and groups. */
  readonly prefix: string;
  /** What `parley migrate` makes topics by and everything else compares them with. */
  readonly topics: TopicSettings;
}

export interface KafkaSasl {
  readonly mechanism: (typeof mechanisms)[number];
  readonly username: string;
  readonly password: string;
}

export interface TopicSettings {
  readonly partitions: number;
  readonly replication: number;
  readonly minInSyncReplicas: number;
  readonly retentionMs: number;
}

const urlName = "PARLEY_EVENTS_URL";
const mechanisms = ["scram-sha-512", "scram-sha-256", "plain"] as const;
const [caName, certName, keyName] = [
  "PARLEY_KAFKA_CA_FILE",
  "PARLEY_KAFKA_CERT_FILE",
  "PARLEY_KAFKA_KEY_FILE",
] as const;

/** `PARLEY_EVENTS_URL`, and `PARLEY_KAFKA_*` where it names a cluster. */
export function readEventsConfig(reader: EnvReader): EventsConfig {
  const url = reader.url(urlName, ["embedded", "kafka", "kafkas"], { default: "embedded:" });
  const secure = url.startsWith("kafkas:");
  const kafka = {
    kind: "kafka",
    brokers: url.startsWith("embedded:") ? [] : readBrokers(reader, url),
    tls: readTls(reader, secure),
    sasl: readSasl(reader, secure),
    prefix: readPrefix(reader),
    topics: readTopics(reader),
  } as const;
  return Object.freeze(url.startsWith("embedded:") ? { kind: "embedded" } : kafka);
}

function readBrokers(reader: EnvReader, url: string): string[] {
  const [, hosts = ""] = /^kafkas?:\/\/([^/]+)\/?$/.exec(url) ?? [];
  const brokers = hosts.split(",").map((host) => (/:\d+$/.test(host) ? host : `${host}:9092`));
  // An address with a user in it would end up in logs.
  if (hosts === "" || !brokers.every((broker) => /^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(broker))) {
    reader.problem(`${urlName} should be like kafka://host:9092,host:9092, without user and password`);
  }
  return brokers;
}

function readTls(reader: EnvReader, secure: boolean): KafkaTls | undefined {
  const [ca, cert, key] = [caName, certName, keyName].map((name) => readFileName(reader, name)) as [
    FileName,
    FileName,
    FileName,
  ];
  if (!secure) {
    if (ca.file ?? cert.file ?? key.file)
      reader.problem(`${urlName} should begin with kafkas: where ${caName} and the like are set`);
    return undefined;
  }
  if ((cert.file === undefined) !== (key.file === undefined)) {
    reader.problem(`${certName} and ${keyName} belong together: set both or none`);
    return undefined;
  }
  const files = Object.freeze({ caFile: ca.file, certFile: cert.file, keyFile: key.file });
  try {
    if (ca.isReadable && cert.isReadable && key.isReadable) loadKafkaTls(files);
  } catch (error) {
    reader.problem(`${caName}, ${certName} and ${keyName}: ${(error as Error).message}`);
  }
  return files;
}

interface FileName {
  readonly file: string | undefined;
  readonly isReadable: boolean;
}

function readFileName(reader: EnvReader, name: string): FileName {
  const file = reader.string(name, { optional: true });
  try {
    if (file !== undefined) accessSync(file, constants.R_OK);
    return { file, isReadable: true };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    reader.problem(`${name} is "${file}": it should be a file that can be read (${code})`);
    return { file, isReadable: false };
  }
}

function readSasl(reader: EnvReader, secure: boolean): KafkaSasl | undefined {
  const mechanism = reader.oneOf("PARLEY_KAFKA_SASL", mechanisms, { default: "scram-sha-512" });
  const username = reader.string("PARLEY_KAFKA_USERNAME", { optional: true });
  const password = reader.secret("PARLEY_KAFKA_PASSWORD", { minLength: 1 });
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    reader.problem("PARLEY_KAFKA_USERNAME and PARLEY_KAFKA_PASSWORD belong together: set both or none");
    return undefined;
  }
  if (mechanism === "plain" && !secure)
    reader.problem(
      `PARLEY_KAFKA_SASL is "plain", which sends the password: ${urlName} should begin with kafkas:`,
    );
  return Object.freeze({ mechanism, username, password });
}

function readPrefix(reader: EnvReader): string {
  const name = "PARLEY_KAFKA_PREFIX";
  const prefix = reader.string(name, { default: "" });
  if (!/^[\w.-]{0,100}$/.test(prefix)) reader.problem(`${name} should be up to 100 of A-Z a-z 0-9 . _ -`);
  return prefix;
}

function readTopics(reader: EnvReader): TopicSettings {
  const replication = reader.integer("PARLEY_KAFKA_REPLICATION", { default: 3, min: 1, max: 100 });
  const minInSyncReplicas = reader.integer("PARLEY_KAFKA_MIN_ISR", {
    default: Math.max(1, replication - 1),
    min: 1,
    max: 100,
  });
  if (minInSyncReplicas > replication)
    reader.problem("PARLEY_KAFKA_MIN_ISR should be PARLEY_KAFKA_REPLICATION or less");
  return Object.freeze({
    partitions: reader.integer("PARLEY_KAFKA_PARTITIONS", { default: 12, min: 1, max: 10_000 }),
    replication,
    minInSyncReplicas,
    retentionMs: reader.duration("PARLEY_KAFKA_RETENTION", { default: "7d", min: "1h" }),
  });
}
