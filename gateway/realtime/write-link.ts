import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import {
  IntroductionSchema,
  type MessageInternalService,
  type Write,
  type WriteRequest,
  WriteRequestSchema,
  type WriteResult,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";
import { watchSilence } from "./silence-watch.ts";

/** Who writes: a caller of Message. */
export interface WriteCaller {
  readonly slot: number;
  readonly accessToken: string;
}

/**
 * The stream of writes to one replica of Message. Writes of one turn of the event loop travel together, and a caller is
 * introduced with their first. When the stream breaks another is opened, which knows nothing of the former: what was not
 * answered has to be given again, here or elsewhere.
 */
export interface WriteLink {
  /** Whether a stream stands: it has shown a sign of life, and has not been silent since. */
  readonly stands: boolean;
  /** Only while the stream stands. */
  write(caller: WriteCaller, write: Write): void;
  /** The caller has no unanswered writes and writes no more. */
  retire(caller: WriteCaller): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface WriteLinkDeps {
  messages: Client<typeof MessageInternalService>;
  /** Who gives writes their ids. */
  linkId: string;
  answered(result: WriteResult): void;
  /** `stands` is another. */
  changed(): void;
  backoff(attempt: number): Promise<void>;
  logger: Logger;
}

/** Writes and introductions of one request: with the longest texts and tokens it stays below message size limits. */
const slice = 100;
/** Requests that may wait for Message to take them; with more the stream is given up for a new one. */
const maxOutgoing = 10_000;

export function createWriteLink(deps: WriteLinkDeps): WriteLink {
  /** Slots that the present stream knows. */
  const introduced = new Set<number>();
  let outgoing: AsyncQueue<WriteRequest> | undefined;
  let batch: WriteRequest | undefined;
  let stands = false;

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

  async function follow(signal: AbortSignal): Promise<void> {
    const queue = createAsyncQueue<WriteRequest>(maxOutgoing);
    queue.push(create(WriteRequestSchema, { linkId: deps.linkId }));
    const hung = new AbortController();
    const silence = watchSilence(() => hung.abort(new Error("message is silent")));
    outgoing = queue;
    try {
      const responses = deps.messages.write(queue, { signal: AbortSignal.any([signal, hung.signal]) });
      for await (const { results } of responses) {
        silence.heard();
        for (const result of results) deps.answered(result);
        if (stands) continue;
        stands = true;
        deps.changed();
      }
    } finally {
      silence.stop();
      outgoing = undefined;
      batch = undefined;
      introduced.clear();
      queue.end();
      if (stands) {
        stands = false;
        deps.changed();
      }
    }
  }

  return {
    get stands() {
      return stands;
    },
    write(caller, write) {
      const request = gather();
      if (!introduced.has(caller.slot)) {
        introduced.add(caller.slot);
        const { slot, accessToken } = caller;
        request.introductions.push(create(IntroductionSchema, { slot: BigInt(slot), accessToken }));
      }
      request.writes.push(write);
    },
    retire({ slot }) {
      if (introduced.delete(slot)) gather().retiredSlots.push(BigInt(slot));
    },
    async run(signal) {
      for (let attempt = 0; !signal.aborted; attempt++) {
        const opened = Date.now();
        try {
          await follow(signal);
        } catch (err) {
          if (signal.aborted) return;
          deps.logger.warn({ err }, "the stream to message broke");
        }
        if (Date.now() - opened > 10_000) attempt = 0;
        if (!signal.aborted) await deps.backoff(attempt);
      }
    },
  };
}
