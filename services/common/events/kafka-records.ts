import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { IHeaders, KafkaMessage, Message } from "kafkajs";
import { bufferOf } from "../buffers.ts";
import type { EventRecord } from "./event-log.ts";
import type { Topic } from "./topics.ts";

/** Headers of every record; whatever else there is came with the record. */
export const header = {
  /** Key and number: the same however often the record is published. */
  id: "event-id",
  number: "event-number",
  contentType: "content-type",
  messageType: "message-type",
  /** Names the life of the data that numbers belong to. */
  epoch: "epoch",
  /** On what is published once more for one group: the others pass it by. */
  onlyFor: "only-for-group",
} as const;

const ownHeaders: ReadonlySet<string> = new Set(Object.values(header));
const contentType = "application/protobuf";

/** The record can't be read as one of its topic. */
export class UnreadableRecordError extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = "UnreadableRecordError";
  }
}

/** `headers` are on top of the record's own. */
export function toKafkaMessage(
  topic: Topic,
  { key, number, message, headers: own }: EventRecord,
  headers?: Readonly<Record<string, string>>,
): Message {
  return {
    key,
    value: bufferOf(toBinary(topic.schema, message)),
    headers: {
      [header.id]: `${key}:${number}`,
      [header.number]: String(number),
      [header.contentType]: contentType,
      [header.messageType]: topic.schema.typeName,
      ...headers,
      ...own,
    },
  };
}

/** Throws UnreadableRecordError. */
export function fromKafkaMessage(topic: Topic, { key, value, headers = {} }: KafkaMessage): EventRecord {
  const number = Number(textOf(headers, header.number));
  if (key === null || value === null) throw new UnreadableRecordError("it has no key or no value");
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UnreadableRecordError(`its header ${header.number} is no number`);
  const type = textOf(headers, header.messageType);
  if (type !== topic.schema.typeName) throw new UnreadableRecordError(`its ${header.messageType} is ${type}`);
  try {
    const message = fromBinary(topic.schema, value);
    const others = othersOf(headers);
    return { key: key.toString(), number, message, ...(others && { headers: others }) };
  } catch (error) {
    throw new UnreadableRecordError("its value can't be decoded", error);
  }
}

/** A header's text, if it is there. */
export function textOf(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name];
  return (Array.isArray(value) ? value[0] : value)?.toString();
}

function othersOf(headers: IHeaders): Record<string, string> | undefined {
  const names = Object.keys(headers).filter((name) => !ownHeaders.has(name));
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, textOf(headers, name) ?? ""]));
}
