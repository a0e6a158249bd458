import { type DescMessage, fromBinary, type Message as ProtobufMessage } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { IHeaders, KafkaMessage, Message } from "kafkajs";
import {
  type EncodedMessage,
  type EventRecord,
  type PublicHeaders,
  type RecordOf,
  UnprocessableRecordError,
} from "./event-log.ts";
import { encodeValues } from "./kafka-values.ts";
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

/** `headers` are on top of the records' own. */
export function toKafkaMessages<D extends DescMessage>(
  { schema }: Topic<D>,
  records: readonly RecordOf<D>[],
  headers?: PublicHeaders,
): Message[] {
  const values = encodeValues(
    schema,
    records.map(({ message }) => message),
  );
  return records.map(({ key, number, headers: own }, index) => ({
    key,
    value: values[index]!,
    headers: {
      [header.id]: `${key}:${number}`,
      [header.number]: String(number),
      [header.contentType]: contentType,
      [header.messageType]: schema.typeName,
      ...headers,
      ...own,
    },
  }));
}

/** Throws UnreadableRecordError. */
export function fromKafkaMessage(topic: Topic, stored: KafkaMessage): EventRecord {
  const { key, number, value, headers } = read(topic, stored);
  try {
    return { key, number, message: fromBinary(topic.schema, value), ...(headers && { headers }) };
  } catch (error) {
    throw new UnreadableRecordError(undecodable, error);
  }
}

/**
 * The same for who wants the bytes: they are looked through, the message is decoded when it is asked for. Throws
 * UnreadableRecordError.
 */
export function toEncodedRecord(topic: Topic, message: KafkaMessage): EventRecord {
  const stored = read(topic, message);
  try {
    return new EncodedRecord(topic, stored, fieldsOf(stored.value));
  } catch (error) {
    throw new UnreadableRecordError(undecodable, error);
  }
}

function fieldsOf(message: Uint8Array): number[] {
  const reader = new BinaryReader(message);
  const fields: number[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    fields.push(number);
  }
  return fields;
}

const undecodable = "its value can't be decoded";

/** What stands in a record, but for its message. */
interface Stored {
  readonly key: string;
  readonly number: number;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

class EncodedRecord implements EventRecord {
  readonly key: string;
  readonly number: number;
  readonly encoded: EncodedMessage;
  declare readonly headers?: Readonly<Record<string, string>>;
  readonly #topic: Topic;
  #message: ProtobufMessage | undefined;

  constructor(topic: Topic, { key, number, value, headers }: Stored, fields: readonly number[]) {
    this.key = key;
    this.number = number;
    this.encoded = { bytes: value, fields };
    if (headers) this.headers = headers;
    this.#topic = topic;
  }

  get message(): ProtobufMessage {
    try {
      this.#message ??= fromBinary(this.#topic.schema, this.encoded.bytes);
    } catch (error) {
      throw new UnprocessableRecordError(this, undecodable, error);
    }
    return this.#message;
  }
}

function read(topic: Topic, { key, value, headers = {} }: KafkaMessage): Stored {
  const number = Number(textOf(headers, header.number));
  if (key === null || value === null) throw new UnreadableRecordError("it has no key or no value");
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UnreadableRecordError(`its header ${header.number} is no number`);
  const type = textOf(headers, header.messageType);
  if (type !== topic.schema.typeName) throw new UnreadableRecordError(`its ${header.messageType} is ${type}`);
  return { key: key.toString(), number, value, headers: othersOf(headers) };
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
