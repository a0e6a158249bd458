import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Status } from "#gen/google/rpc/status_pb.js";
import {
  IntroductionSchema,
  type MessageInternalService,
  type Write,
  type WriteAck,
  type WriteRequest,
  WriteRequestSchema,
  WriteSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";

export type Operation = NonNullable<MessageInitShape<typeof WriteSchema>["operation"]>;
export type Outcome = { ack: WriteAck } | { error: Status };

/**
 * This gateway's stream to Message: everybody's writes in batches, answered in batches.
 *
 * Writes of one turn of the event loop travel together. When the stream breaks, another is opened, the callers are
 * introduced again and what is not answered is sent again, in order. A send is not done twice, since Message knows its
 * client id; other writes end as they were, but two that undo each other may stand in the timeline again. A write that
 * has waited `giveUpMs` while no stream answers is answered UNAVAILABLE; it may still have been done.
 */
export interface WriteLink {
  /** Introduces a caller; the slot is for `write`. */
  introduce(accessToken: string): number;
  retire(slot: number): void;
  /** Calls `answer` exactly once: later, or at once when nothing can be taken. */
  write(
    slot: number,
    operation: Operation,
    answer: (outcome: Outcome) => void,
    traceparent?: string | undefined,
  ): void;
  /** Writes without an answer yet. */
  readonly unanswered: number;
  run(signal: AbortSignal): Promise<void>;
}

export interface WriteLinkDeps {
  messages: Client<typeof MessageInternalService>;
  backoff(attempt: number): Promise<void>;
  /** The answer to a write that found no way. */
  unavailable(): Status;
  /** The answer to a write of which there are too many. */
  overloaded(): Status;
  giveUpMs: number;
  logger: Logger;
  now?: () => number;
}

/** Writes and introductions of one request: with the longest texts and tokens it stays below message size limits. */
const slice = 100;
/** Requests that may wait for Message to take them; with more the stream is given up for a new one. */
const maxOutgoing = 10_000;
/** Unanswered writes of all connections; further ones are refused. */
const maxPending = 100_000;

interface Pending {
  readonly write: Write;
  /** Of the write's slot, which may have been retired since. */
  readonly accessToken: string;
  readonly since: number;
  readonly answer: (outcome: Outcome) => void;
}

export function createWriteLink(deps: WriteLinkDeps): WriteLink {
  const now = deps.now ?? Date.now;
  const slots = new Map<number, string>();
  /** In the order sent, which is the order of ids. */
  const pending = new Map<bigint, Pending>();
  let outgoing: AsyncQueue<WriteRequest> | undefined;
  let batch: WriteRequest | undefined;
  let lastSlot = 0;
  let lastId = 0n;
  let closed = false;
  /** The present stream has answered something. */
  let answering = false;

  function gather(): WriteRequest {
    if (batch && batch.writes.length + batch.introductions.length >= slice) flush();
    if (!batch) {
      batch = create(WriteRequestSchema);
      setImmediate(flush);
    }
    return batch;
  }

  function flush(): void {
    if (batch && outgoing && !outgoing.push(batch)) outgoing.fail(new Error("message takes no writes"));
    batch = undefined;
  }

  function settle(id: bigint, outcome: Outcome): void {
    const entry = pending.get(id);
    if (!entry) return;
    pending.delete(id);
    entry.answer(outcome);
  }

  function giveUp(olderThan: number): void {
    for (const [id, entry] of pending) {
      if (entry.since > olderThan) return;
      settle(id, { error: deps.unavailable() });
    }
  }

  /** What a new stream begins with: every caller that is there or waits for an answer, and all that is unanswered. */
  function restate(): void {
    batch = undefined;
    const callers = new Map(slots);
    const retired = new Set<number>();
    for (const { write, accessToken } of pending.values()) {
      const slot = Number(write.slot);
      if (callers.has(slot)) continue;
      callers.set(slot, accessToken);
      retired.add(slot);
    }
    for (const [slot, accessToken] of callers) gather().introductions.push(introduction(slot, accessToken));
    for (const { write } of pending.values()) gather().writes.push(write);
    for (const slot of retired) gather().retiredSlots.push(BigInt(slot));
    flush();
  }

  async function follow(signal: AbortSignal): Promise<void> {
    const queue = createAsyncQueue<WriteRequest>(maxOutgoing);
    outgoing = queue;
    answering = false;
    restate();
    try {
      for await (const response of deps.messages.write(queue, { signal })) {
        answering = true;
        for (const { id, outcome } of response.results) {
          if (outcome.case === "ack") settle(id, { ack: outcome.value });
          else settle(id, { error: outcome.value ?? deps.unavailable() });
        }
      }
    } finally {
      outgoing = undefined;
      answering = false;
      queue.end();
    }
  }

  return {
    introduce(accessToken) {
      const slot = ++lastSlot;
      slots.set(slot, accessToken);
      gather().introductions.push(introduction(slot, accessToken));
      return slot;
    },
    retire(slot) {
      if (slots.delete(slot)) gather().retiredSlots.push(BigInt(slot));
    },
    write(slot, operation, answer, traceparent) {
      if (closed) return answer({ error: deps.unavailable() });
      if (pending.size >= maxPending) return answer({ error: deps.overloaded() });
      const id = ++lastId;
      const write = create(WriteSchema, { id, slot: BigInt(slot), operation });
      if (traceparent !== undefined) write.traceparent = traceparent;
      pending.set(id, { write, accessToken: slots.get(slot) ?? "", since: now(), answer });
      gather().writes.push(write);
    },
    get unanswered() {
      return pending.size;
    },
    async run(signal) {
      const timer = setInterval(() => answering || giveUp(now() - deps.giveUpMs), 1000);
      try {
        for (let attempt = 0; !signal.aborted; attempt++) {
          const opened = now();
          try {
            await follow(signal);
          } catch (err) {
            if (signal.aborted) break;
            deps.logger.warn({ err }, "the stream to message broke");
          }
          if (now() - opened > 10_000) attempt = 0;
          if (!signal.aborted) await deps.backoff(attempt);
        }
      } finally {
        clearInterval(timer);
        closed = true;
        giveUp(Number.POSITIVE_INFINITY);
      }
    },
  };
}

function introduction(slot: number, accessToken: string) {
  return create(IntroductionSchema, { slot: BigInt(slot), accessToken });
}
