import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { Topic } from "./topics.ts";

/**
 * The event log: how what one service committed reaches the others.
 *
 * **Order.** Records of one key reach a group in the order in which they were published; different keys are
 * independent. What was published again (after a failure, after a crash) comes late and twice, so consumers order, drop
 * and notice what is missing by `number`, which has no gaps within a key.
 *
 * **At least once.** A group has handled a record when its handler's promise for the batch resolves; only then does the
 * group move on. A handler that fails gets its batch again, alone: other groups are not bothered.
 *
 * **Groups.** Every group gets every record of its topics once. Processes that subscribe under the same name share the
 * work; a group that is new begins with what is published from then on.
 *
 * **Messages** are passed by reference where that is possible, so neither side changes one that was published.
 */
export interface EventLog {
  /**
   * Hands records to the log; not to be changed afterwards. Resolves when the log answers for them: embedded, when every
   * group has handled them; on a broker, when it has stored them. Rejects when that is not to be expected: then they may
   * or may not have arrived and are published again, which the outbox does. The promise is also what holds publishers
   * back: whoever publishes bounds how much it has under way.
   *
   * `headers` are for those who read the log from outside, on each of the records; handlers don't see them.
   */
  publish<D extends DescMessage>(
    topic: Topic<D>,
    records: readonly RecordOf<D>[],
    headers?: PublicHeaders,
  ): Promise<void>;
  /**
   * Makes `handler` the group's consumer of the topic in this process. Called before `run`, so that no record passes by
   * a service that is only starting. One handler for each topic and group; Error if there is one already.
   */
  subscribe<D extends DescMessage>(
    topic: Topic<D>,
    group: string,
    handler: RecordHandler<D>,
    options?: SubscriptionOptions,
  ): Subscription;
  /**
   * Delivers until the signal aborts or the log is closed; nothing is delivered before. Resolves when the handlers under
   * way have ended. Called once.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Ends delivery, waits for the handlers under way (whose signal aborts) and rejects what is not handled. */
  close(): Promise<void>;
}

/** What is the same for all that a service publishes. */
export interface PublicHeaders {
  /** Names the life of the data that the records' numbers belong to. */
  readonly epoch: string;
}

export interface SubscriptionOptions {
  /**
   * Called whenever the group's work was divided anew, and this process goes on with its part: what another had taken may
   * not have had its effect where this process is asked for it. Never where the group is this process.
   */
  readonly rebalanced?: () => void;
  /**
   * For a handler that passes records on as they are: where the log keeps bytes, `encoded` has them, and `message` is
   * decoded when it is asked for. It throws UnprocessableRecordError where it can't be.
   */
  readonly encoded?: boolean;
}

/** A message in bytes, of which it is known that it is whole as far as its own fields go. */
export interface EncodedMessage {
  readonly bytes: Uint8Array;
  /** The numbers of the fields that are there. */
  readonly fields: readonly number[];
}

/** What is published. */
export interface EventRecord<M extends Message = Message> {
  /** The id of that which the record belongs to and is ordered by: a UUID. */
  readonly key: string;
  /** The record's place within its key: from 1, without a gap. */
  readonly number: bigint | number;
  readonly message: M;
  /** The message as the log keeps it. Only for who subscribed to that, and where the log keeps bytes. */
  readonly encoded?: EncodedMessage | undefined;
  /** For tracing and the like; nothing that the message would not be understood without. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type RecordOf<D extends DescMessage> = EventRecord<MessageShape<D>>;

/**
 * Does what the records ask for, in their order, and resolves when that has its effect: what was handled is not
 * delivered again, so nothing may still be in the air. The next batch comes after that, so records gather in the
 * meantime and batches grow with the load. Work that takes long ends early when the signal aborts.
 *
 * What it throws says what happens next. In each case the batch, or what is left of it, is delivered again from its
 * beginning, so handling a record twice must do no harm.
 * - `UnprocessableRecordError`: the named records will never do. They become dead letters, the others come again at once.
 * - An outage (`UNAVAILABLE`, `DEADLINE_EXCEEDED`, `CANCELLED`, `RATE_LIMITED`, as a DomainError or ConnectError): again
 *   after a growing pause, for as long as it lasts. Nothing is given up because something else is down.
 * - Anything else: again, a few times. If it stays so, the records come one by one, and those that keep failing alone
 *   become dead letters.
 */
export type RecordHandler<D extends DescMessage> = (
  records: readonly RecordOf<D>[],
  signal: AbortSignal,
) => Promise<void> | void;

/** A group's consumption of one topic in this process. */
export interface Subscription {
  /**
   * Ends delivery to the handler and waits for the batch under way, whose signal aborts. The group itself stays: what
   * it has not handled waits for its next start.
   */
  close(): Promise<void>;
}

/** Thrown by a handler for records that it can't process now or ever. */
export class UnprocessableRecordError extends Error {
  readonly records: readonly EventRecord[];

  /** `reason` is kept and logged with the records: it quotes nothing of what people wrote. */
  constructor(records: EventRecord | readonly EventRecord[], reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = "UnprocessableRecordError";
    this.records = "message" in records ? [records] : records;
  }
}

/** The log, or a group that would have to handle the records, has stopped. */
export class DeliveryStoppedError extends Error {
  constructor(message = "delivery has stopped") {
    super(message);
    this.name = "DeliveryStoppedError";
  }
}
