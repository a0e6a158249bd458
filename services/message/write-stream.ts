import { create } from "@bufbuild/protobuf";
import type { Status } from "#gen/google/rpc/status_pb.js";
import {
  type Introduction,
  type Write,
  type WriteAck,
  WriteAckSchema,
  type WriteRequest,
  type WriteResponse,
  WriteResponseSchema,
  type WriteResult,
  WriteResultSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { createAsyncQueue } from "../common/async-queue.ts";
import type { Caller, TokenVerifier } from "../common/auth.ts";
import {
  reasonOf,
  SessionRevokedError,
  TokenExpiredError,
  toStatus,
  UnauthenticatedError,
} from "../common/errors.ts";
import type { Validator } from "../common/validation.ts";
import { toTimestamp } from "./events.ts";
import { operationOp } from "./operations.ts";
import type { WriteOrder, WriteOutcome, Writes } from "./writes.ts";

/**
 * One gateway's stream of writes. What is answered in one turn leaves in one response. At `maxUnanswered` writes the
 * stream is not read any further until some are answered, which is how a gateway is held back.
 *
 * When the gateway ends its side the stream ends after the last answer. When the call is aborted it ends at once; writes
 * that are under way are done all the same, and nobody is told. The gateway then sends them again, here or to another
 * replica, while they may still be under way. That makes no second event, whichever comes first: a send is found by its
 * client id, what undoes something else by a key made of the gateway's id and the write's, both in the transaction that
 * does it; a deletion or a read marker can't be undone. So nothing of a former stream has to be waited for.
 */
export interface WriteStreamDeps {
  writes: Writes;
  verifier: Pick<TokenVerifier, "cached" | "verify" | "isRevoked">;
  validator: Validator;
  maxUnanswered?: number;
}

/** A caller as the stream knows them. */
interface Slot {
  readonly accessToken: string;
  /** Undefined until the token is verified. */
  identity: Caller | Error | undefined;
  /** Writes that wait for that. */
  waiting: Write[];
  readonly order: WriteOrder;
}

const defaultMaxUnanswered = 20_000;
const signOfLifeMs = 1000;
const signOfLife = create(WriteResponseSchema);

export async function* serveWrites(
  requests: AsyncIterable<WriteRequest>,
  signal: AbortSignal,
  deps: WriteStreamDeps,
): AsyncGenerator<WriteResponse> {
  const responses = createAsyncQueue<WriteResponse>(Number.POSITIVE_INFINITY);
  const end = () => responses.end();
  signal.addEventListener("abort", end);
  const stream = createWriteStream(deps, (response) => responses.push(response));
  void stream.read(requests).then(end, (error) => responses.fail(error));
  responses.push(signOfLife);
  const timer = setInterval(() => responses.push(signOfLife), signOfLifeMs);
  try {
    yield* responses;
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", end);
    stream.stop();
  }
}

function createWriteStream(deps: WriteStreamDeps, respond: (response: WriteResponse) => void) {
  const { writes, verifier, validator, maxUnanswered = defaultMaxUnanswered } = deps;
  const slots = new Map<bigint, Slot>();
  let gathered: WriteResult[] = [];
  let unanswered = 0;
  let linkId = "";
  let stopped = false;
  let onAnswered: (() => void) | undefined;

  function introduce({ slot, accessToken }: Introduction): void {
    slots.set(slot, { accessToken, identity: verifier.cached(accessToken), waiting: [], order: new Map() });
  }

  function accept(write: Write): void {
    unanswered += 1;
    const slot = slots.get(write.slot);
    if (slot === undefined) refuse(write.id, new UnauthenticatedError("the caller was not introduced"));
    else if (slot.identity !== undefined) submit(slot, slot.identity, write);
    else if (slot.waiting.push(write) === 1) void verify(slot);
  }

  /** That nobody can say whose token it is does not last, so the next write asks again. */
  async function verify(slot: Slot): Promise<void> {
    const identity = await verifier.verify(slot.accessToken).catch((error: Error) => error);
    if (!(identity instanceof Error && isOutage(identity))) slot.identity = identity;
    const { waiting } = slot;
    slot.waiting = [];
    for (const write of waiting) submit(slot, identity, write);
  }

  function submit({ order }: Slot, identity: Caller | Error, write: Write): void {
    const { id, operation, traceparent, again } = write;
    try {
      const { userId } = requireStanding(identity);
      const op = operationOp(userId, operation, validator, operation.case === "send" ? undefined : keyOf(id));
      writes.submit(order, op, (outcome) => answer(id, outcome), traceparent, again);
    } catch (error) {
      refuse(id, error);
    }
  }

  /** No client id begins with a space. */
  function keyOf(id: bigint): string | undefined {
    return linkId === "" ? undefined : ` ${linkId} ${id}`;
  }

  function requireStanding(identity: Caller | Error): Caller {
    if (identity instanceof Error) throw identity;
    if (identity.expiresAt <= Date.now()) throw new TokenExpiredError();
    if (verifier.isRevoked(identity.sessionId)) throw new SessionRevokedError();
    return identity;
  }

  function answer(id: bigint, outcome: WriteOutcome): void {
    if (outcome instanceof Error) refuse(id, outcome);
    else settle(id, { case: "ack", value: toAck(outcome) });
  }

  function refuse(id: bigint, error: unknown): void {
    settle(id, { case: "error", value: toStatus(error) });
  }

  function settle(
    id: bigint,
    outcome: { case: "ack"; value: WriteAck } | { case: "error"; value: Status },
  ): void {
    const result = create(WriteResultSchema);
    result.id = id;
    result.outcome = outcome;
    if (gathered.length === 0) queueMicrotask(flush);
    gathered.push(result);
    unanswered -= 1;
    onAnswered?.();
  }

  function flush(): void {
    const response = create(WriteResponseSchema);
    response.results = gathered;
    gathered = [];
    if (!stopped) respond(response);
  }

  async function answeredDownTo(limit: number): Promise<void> {
    while (unanswered > limit && !stopped) {
      await new Promise<void>((resolve) => {
        onAnswered = resolve;
      });
    }
  }

  return {
    /** Resolves when all that was read is answered. */
    async read(requests: AsyncIterable<WriteRequest>): Promise<void> {
      for await (const { introductions, writes: asked, retiredSlots, linkId: named } of requests) {
        if (named !== "") linkId = named;
        for (const introduction of introductions) introduce(introduction);
        for (const write of asked) accept(write);
        for (const slot of retiredSlots) slots.delete(slot);
        if (unanswered > maxUnanswered) await answeredDownTo(maxUnanswered);
        if (stopped) return;
      }
      await answeredDownTo(0);
    },
    stop(): void {
      stopped = true;
      onAnswered?.();
    },
  };
}

function isOutage(error: Error): boolean {
  return reasonOf(error) === "UNAVAILABLE";
}

function toAck(outcome: Exclude<WriteOutcome, Error>): WriteAck {
  const ack = create(WriteAckSchema);
  ack.seq = BigInt(outcome[1]);
  if (outcome[0] === "read") {
    ack.replayed = !outcome[3];
  } else {
    ack.at = toTimestamp(outcome[2]);
    ack.replayed = outcome[0] === "replayed";
  }
  return ack;
}
