import { RateLimitedError, reasonOf } from "../common/errors.ts";
import type { Span, Tracer } from "../common/tracing.ts";
import { refusalError } from "./errors.ts";
import type { RoomSync } from "./room-sync.ts";
import type { SendRates } from "./send-rates.ts";
import type { TimelineQueue } from "./timeline-queue.ts";
import type { MemberOp, OpResult, Refused, ResultOf } from "./types.ts";

/** What a member's write came to: what it made so, or why it was refused. */
export type WriteOutcome = Exclude<ResultOf<MemberOp>, Refused> | Error;

/**
 * What members do to rooms, on its way into the queue.
 *
 * Who is no member as far as the timeline knows may be one as far as Room knows, if a change could not be handed over.
 * So a write that is refused for that leaves its batch, the room's changes are pulled, and it is tried once more.
 * Writes of one caller to one room, a lane, keep their order over that: later ones wait until the refused ones are done.
 * Those that were already under way then may have been taken (someone came back into the room in between); then what
 * was refused before them stays refused, which it was at its time.
 */
export interface Writes {
  /**
   * `answer` is called once. Writes of the same order to the same room are done as they come. One that is sent `again`
   * may have been done already: no rate must refuse it then.
   */
  submit(
    order: WriteOrder,
    op: MemberOp,
    answer: (outcome: WriteOutcome) => void,
    traceparent?: string | undefined,
    again?: boolean,
  ): void;
  /** One write without any order. Throws what it is refused for. */
  write<O extends MemberOp>(op: O, traceparent?: string | undefined): Promise<Exclude<ResultOf<O>, Refused>>;
}

/** The lanes of one caller, by room. Those that are idle are not kept. */
export type WriteOrder = Map<string, Lane>;

interface Lane {
  /** Writes in the queue. */
  underWay: number;
  /** Not a member: to be tried again once nothing is under way. */
  readonly refused: Write[];
  /** What came later. */
  readonly waiting: Write[];
}

interface Write {
  readonly op: MemberOp;
  readonly answer: (outcome: WriteOutcome) => void;
  readonly traceparent: string | undefined;
  /** What Room had decided when the write came has been pulled. */
  pulled: boolean;
}

export interface WritesDeps {
  queue: Pick<TimelineQueue, "push">;
  roomSync: Pick<RoomSync, "tryPull">;
  rates: SendRates;
  tracer?: Tracer | undefined;
}

export function createWrites({ queue, roomSync, rates, tracer }: WritesDeps): Writes {
  function enqueue(order: WriteOrder, lane: Lane, write: Write): void {
    try {
      queue.push(write.op, (outcome) => settle(order, lane, write, outcome), write.traceparent);
      lane.underWay += 1;
    } catch (error) {
      answer(write, error as Error);
    }
  }

  function settle(order: WriteOrder, lane: Lane, write: Write, outcome: OpResult | Error): void {
    lane.underWay -= 1;
    if (isNotMember(outcome) && !write.pulled) {
      lane.refused.push(write);
    } else {
      if (!(outcome instanceof Error) && outcome[0] !== "refused") {
        for (const earlier of lane.refused.splice(0)) answer(earlier, ["refused", "NOT_MEMBER"]);
      }
      answer(write, outcome);
    }
    if (lane.underWay > 0) return;
    if (lane.refused.length > 0) void tryAgain(order, lane, write.op[1]);
    else order.delete(write.op[1]);
  }

  async function tryAgain(order: WriteOrder, lane: Lane, roomId: string): Promise<void> {
    for (const write of lane.refused) write.pulled = true;
    for (const write of lane.waiting) write.pulled = true;
    await roomSync.tryPull(roomId);
    for (const write of [...lane.refused.splice(0), ...lane.waiting.splice(0)]) enqueue(order, lane, write);
    if (lane.underWay === 0) order.delete(roomId);
  }

  function answer({ op, answer: tell }: Write, outcome: OpResult | Error): void {
    if (outcome instanceof Error) {
      tell(outcome);
      return;
    }
    if (op[0] === "send") rates.settled(op[2], op[1], !isNotMember(outcome));
    tell(outcome[0] === "refused" ? refusalError(outcome[1]) : (outcome as WriteOutcome));
  }

  function rateLimit(op: MemberOp): RateLimitedError | undefined {
    if (op[0] !== "send") return undefined;
    const wait = rates.admit(op[2], op[1]);
    return wait > 0 ? new RateLimitedError(wait, "too many messages") : undefined;
  }

  function submit(
    order: WriteOrder,
    op: MemberOp,
    answered: (outcome: WriteOutcome) => void,
    parent?: string | undefined,
    again = false,
  ): void {
    const span = tracer && parent !== undefined ? traceAppend(tracer, op, parent) : undefined;
    const tell = span ? endingWith(span, answered) : answered;
    const limited = again ? undefined : rateLimit(op);
    if (limited) {
      tell(limited);
      return;
    }
    const roomId = op[1];
    let lane = order.get(roomId);
    if (lane === undefined) {
      lane = { underWay: 0, refused: [], waiting: [] };
      order.set(roomId, lane);
    }
    const write = { op, answer: tell, traceparent: span?.traceparent, pulled: false };
    if (lane.refused.length > 0) lane.waiting.push(write);
    else enqueue(order, lane, write);
    if (lane.underWay === 0 && lane.refused.length === 0) order.delete(roomId);
  }

  return {
    submit,
    write: <O extends MemberOp>(op: O, traceparent?: string | undefined) =>
      new Promise<Exclude<ResultOf<O>, Refused>>((resolve, reject) => {
        const settle = (outcome: WriteOutcome) => {
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome as Exclude<ResultOf<O>, Refused>);
        };
        submit(new Map(), op, settle, traceparent);
      }),
  };
}

function traceAppend(tracer: Tracer, op: MemberOp, parent: string): Span | undefined {
  const attributes = { "parley.op": op[0], "parley.room_id": op[1] };
  return tracer.start("message append", { parent, attributes });
}

function endingWith(span: Span, answer: Write["answer"]): Write["answer"] {
  return (outcome) => {
    span.end(outcome instanceof Error ? (reasonOf(outcome) ?? "INTERNAL") : undefined);
    answer(outcome);
  };
}

function isNotMember(outcome: OpResult | Error): boolean {
  return !(outcome instanceof Error) && outcome[0] === "refused" && outcome[1] === "NOT_MEMBER";
}
