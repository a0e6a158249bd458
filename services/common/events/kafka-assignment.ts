import type { Batch, KafkaMessage } from "kafkajs";
import { pause } from "../backoff.ts";
import type { EventRecord } from "./event-log.ts";
import type { GroupQueue } from "./group-queue.ts";
import { fromKafkaMessage, header, textOf, toEncodedRecord } from "./kafka-records.ts";
import type { Topic } from "./topics.ts";

/** How one topic's records reach the group's handler in this process. */
export interface TopicDelivery {
  readonly topic: Topic;
  /** The topic's name in the cluster. */
  readonly name: string;
  /** The group's name, without prefix. */
  readonly group: string;
  /** Whether the handler takes records with their bytes. */
  readonly encoded: boolean;
  /** A queue that begins when the one before it has ended: no two batches of a topic are under way at once. */
  openQueue(): GroupQueue<FetchedRecord>;
  /** Keeps what can't be read; resolves when it is kept. */
  buryUnreadable(messages: readonly RawRecord[], error: unknown, signal: AbortSignal): Promise<void>;
}

/** A record as it is in the cluster. */
export interface RawRecord {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** A record with what it came as, should it become a dead letter. */
export interface FetchedRecord extends EventRecord {
  readonly raw: RawRecord;
}

export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  /** Of the next record to be handled. */
  readonly offset: string;
}

/**
 * The partitions that this process has for as long as the group stays as it is. What is fetched waits in the topics'
 * queues; an offset counts as handled when all that is below it is. Ends with the next rebalance: what is not handled by
 * then is fetched again, by whoever has the partition.
 */
export interface Assignment {
  /** Where the partitions begin; nothing is taken before. */
  open(positions: readonly TopicPartitionOffset[]): void;
  /** Queues a batch; false if it is not to be taken. Whoever fetches then waits for `room`. */
  take(batch: Batch): boolean;
  /** Resolves when the topic's queue is short again, or after a while: then the answer is false. */
  room(topic: string): Promise<boolean>;
  /** Handled offsets that were not handed out before. */
  takeHandled(): TopicPartitionOffset[];
  /** To be handed out once more: they could not be committed. */
  putBack(offsets: readonly TopicPartitionOffset[]): void;
  /** Of every partition: the next offset to be handled. */
  positions(): Iterable<TopicPartitionOffset>;
  /** Takes no more, aborts what is under way and waits for it. What it finishes in spite of that counts as handled. */
  finish(): Promise<void>;
  /** As `finish`, but nothing counts from here on: the partitions may be another's. */
  revoke(): Promise<void>;
}

/** Records of a topic that wait in memory; one fetch more may come on top. */
const maxWaiting = 4_096;
/** Longer than this no fetch waits: the group has to hear from its members. */
const roomTimeoutMs = 500;

export function createAssignment(deliveries: ReadonlyMap<string, TopicDelivery>): Assignment {
  const stopping = new AbortController();
  const queues = new Map(Array.from(deliveries, ([name, delivery]) => [name, delivery.openQueue()]));
  const handled = new Map<string, TopicPartitionOffset>();
  let changed = new Set<string>();
  let opened = false;
  let revoked = false;
  /** Wakes who waits for room. */
  let roomier = Promise.withResolvers<void>();

  const keyOf = (topic: string, partition: number) => `${topic}/${partition}`;
  const note = (position: TopicPartitionOffset) => {
    const key = keyOf(position.topic, position.partition);
    handled.set(key, position);
    changed.add(key);
  };

  const finish = async (): Promise<void> => {
    stopping.abort();
    roomier.resolve();
    await Promise.all(Array.from(queues.values(), (queue) => queue.stop()));
  };

  const hasRoom = (topic: string) => (queues.get(topic)?.length ?? 0) < maxWaiting;

  return {
    open(positions) {
      for (const position of positions) note(position);
      opened = true;
    },
    take(batch) {
      const delivery = deliveries.get(batch.topic);
      const queue = queues.get(batch.topic);
      if (!opened || stopping.signal.aborted || !delivery || !queue) return false;
      const { records, unreadable } = read(delivery, batch);
      const offset = String(BigInt(batch.lastOffset()) + 1n);
      const kept = unreadable.map(({ raw, error }) => delivery.buryUnreadable([raw], error, stopping.signal));
      Promise.all([queue.push(records), ...kept]).then(
        () => {
          if (!revoked) note({ topic: batch.topic, partition: batch.partition, offset });
          roomier.resolve();
          roomier = Promise.withResolvers();
        },
        // Stopped: it comes again.
        () => roomier.resolve(),
      );
      return true;
    },
    async room(topic) {
      if (hasRoom(topic)) return true;
      const late = new AbortController();
      const deadline = pause(roomTimeoutMs, late.signal).then(() => late.abort());
      while (!hasRoom(topic) && !late.signal.aborted && !stopping.signal.aborted)
        await Promise.race([roomier.promise, deadline]);
      late.abort();
      return hasRoom(topic);
    },
    takeHandled() {
      const offsets = Array.from(changed, (key) => handled.get(key)!);
      changed = new Set();
      return offsets;
    },
    putBack(offsets) {
      for (const { topic, partition } of offsets) changed.add(keyOf(topic, partition));
    },
    positions: () => handled.values(),
    finish,
    async revoke() {
      revoked = true;
      await finish();
    },
  };
}

interface Read {
  readonly records: FetchedRecord[];
  readonly unreadable: { raw: RawRecord; error: unknown }[];
}

/** What is published once more for another group is left out. */
function read(delivery: TopicDelivery, { partition, messages }: Batch): Read {
  const toRecord = delivery.encoded ? toEncodedRecord : fromKafkaMessage;
  const records: FetchedRecord[] = [];
  const unreadable: Read["unreadable"] = [];
  for (const message of messages) {
    const onlyFor = textOf(message.headers, header.onlyFor);
    if (onlyFor !== undefined && onlyFor !== delivery.group) continue;
    const raw = { partition, message };
    try {
      records.push(Object.assign(toRecord(delivery.topic, message), { raw }));
    } catch (error) {
      unreadable.push({ raw, error });
    }
  }
  return { records, unreadable };
}
