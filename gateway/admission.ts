import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import type { Metrics } from "../services/common/metrics.ts";

/**
 * What is asked of the gateway, the least important last. Whatever is accepted already (answers, deliveries, catching
 * up) and what ends or keeps a session (the calls of Auth, which has a queue of its own) is never refused here.
 */
export type Work = "write" | "read" | "signal";

/**
 * Sheds load before it costs anything: past what Parley can do, who asks for more is told so at once, and what was
 * accepted is done in time. Without it, all that is read from sockets waits in line until every answer is too late.
 *
 * - **Writes in flight** are bounded. The bound follows from what is done: completions per second times the target is
 *   what can wait for no longer than the target (Little's law). It shrinks only over a standing queue, when the
 *   *shortest* wait of an interval is above the target, as CoDel tells a queue that stays from a burst (RFC 8289), and
 *   grows by a tenth per interval while it binds, by a fiftieth once that wait is above half the target. While reading
 *   and refusing what comes takes the event loop so long that what waits in sockets gets late, it shrinks instead.
 * - **The event loop's own delay**, the shortest of several ticks likewise, tells overload of any other kind.
 * - The larger of the two, as a share of what may be, is the pressure: from a half on signals go, from three quarters
 *   reads and whoever has more than a fair share of the writes in flight, from one on all new writes.
 *
 * The time that who is refused is told to wait grows with the share that is refused, and is scattered, so that they
 * don't all come back together.
 */
export interface Admission {
  /** Whether it is too much now. `own` is how many unanswered writes the asker has, where that is known. */
  refuses(work: Work, own?: number): boolean;
  /** Counts a refusal; answers how long to wait, in ms, a multiple of 100. */
  refused(work: Work): number;
  /** A write was accepted. Answers the moment, for `ended`. */
  began(): number;
  /** It was answered. */
  ended(began: number): void;
  close(): void;
}

export interface AdmissionConfig {
  /** How long a write may wait for its answer before it counts as overload that the next one waits too, in ms. */
  readonly targetMs: number;
  /** Writes in flight, at the most. */
  readonly maxInFlight: number;
}

export interface AdmissionDeps extends AdmissionConfig {
  /** Among how many the writes in flight are shared. */
  connections(): number;
  metrics?: Metrics | undefined;
  /** A clock in ms that never goes back. */
  now?: () => number;
  random?: () => number;
}

const thresholds: Readonly<Record<Work, number>> = { signal: 0.5, read: 0.75, write: 1 };
const tickMs = 20;
/** CoDel's interval is 100 ms for a network's round trips; commits of a loaded disk take longer. */
const intervalMs = 200;
/** Ticks that are late one after the other: fewer are stalls, such as a start's or of one costly request, and over. */
const lateTicks = 5;
/** What everybody has to wait for the event loop, again and again, when it is too much: others' calls go on until then. */
const maxLoopLagMs = 1000;
/** What two batches hold: fewer would leave the database idle. */
const minInFlight = 200;
const firstInFlight = 5000;
const growth = 1.1;
/** Above half the target: more in flight mostly waits longer, unless the database alone takes so long. */
const slowGrowth = 1.02;
const slowShare = 0.5;
/** Of the target: how late the event loop may be while writes are refused. */
const lagShare = 0.6;
/** However crowded it is, a connection may have as many. */
const minShare = 16;
const minWaitMs = 1000;
const maxWaitMs = 30_000;

export function createAdmission(deps: AdmissionDeps): Admission {
  const { targetMs, maxInFlight, connections, now = () => performance.now(), random = Math.random } = deps;
  const floor = Math.min(minInFlight, maxInFlight);
  const refusals: Record<Work, number> = { write: 0, read: 0, signal: 0 };
  let limit = Math.min(firstInFlight, maxInFlight);
  let share = limit;
  let inFlight = 0;
  /** Of the last ticks. */
  const lags: number[] = [];
  let loopPressure = 0;
  let wait = minWaitMs;
  let tickedAt = now();
  /** Since when nothing was answered while something waited. */
  let quietSince = tickedAt;
  let interval = freshInterval(tickedAt);

  function freshInterval(since: number) {
    return { since, completed: 0, shortestWait: Number.POSITIVE_INFINITY, peak: inFlight, refused: 0 };
  }

  /** The middle one of the last ticks: whether they are late as a rule. */
  const lag = () => lags.toSorted((a, b) => a - b)[lags.length >> 1] ?? 0;

  function tick(): void {
    const time = now();
    lags.push(Math.max(0, time - tickedAt - tickMs));
    if (lags.length > lateTicks) lags.shift();
    loopPressure = lags.length < lateTicks ? 0 : Math.min(...lags) / maxLoopLagMs;
    tickedAt = time;
    if (time - interval.since >= intervalMs) adjust(time);
  }

  function adjust(time: number): void {
    const { since, completed, shortestWait, peak, refused } = interval;
    const isStuck = inFlight > 0 && time - quietSince > targetMs;
    if (isStuck) limit = Math.max(floor, Math.floor(limit / 2));
    else if (completed > 0 && shortestWait > targetMs)
      limit = Math.max(floor, Math.min(limit, Math.floor((completed / (time - since)) * targetMs)));
    else if (refused > 0 && lag() > targetMs * lagShare) limit = Math.max(floor, Math.floor(limit / growth));
    else if (refused > 0 || peak > limit * thresholds.read) limit = grown();
    share = Math.max(minShare, limit / Math.max(1, connections()));
    wait = Math.min(maxWaitMs, minWaitMs * (1 + refused / Math.max(1, completed)));
    interval = freshInterval(time);
  }

  function grown(): number {
    const isSlow = inFlight > 0 && interval.shortestWait > targetMs * slowShare;
    return Math.min(maxInFlight, Math.ceil(limit * (isSlow ? slowGrowth : growth)));
  }

  const timer = setInterval(tick, tickMs);
  timer.unref();
  if (deps.metrics) show(deps.metrics, { refusals, limit: () => limit, inFlight: () => inFlight });

  return {
    refuses(work, own = 0) {
      const pressure = Math.max(inFlight / limit, loopPressure);
      return pressure >= thresholds[work] || (pressure >= thresholds.read && own > share);
    },
    refused(work) {
      refusals[work] += 1;
      if (work === "write") interval.refused += 1;
      return Math.ceil((wait * (0.5 + random())) / 100) * 100;
    },
    began() {
      const time = now();
      if (inFlight === 0) quietSince = time;
      inFlight += 1;
      if (inFlight > interval.peak) interval.peak = inFlight;
      return time;
    },
    ended(began) {
      inFlight -= 1;
      interval.completed += 1;
      quietSince = now();
      const waited = quietSince - began;
      if (waited < interval.shortestWait) interval.shortestWait = waited;
    },
    close: () => clearInterval(timer),
  };
}

function show(
  metrics: Metrics,
  state: { refusals: Readonly<Record<Work, number>>; limit(): number; inFlight(): number },
): void {
  metrics.counter({
    name: "parley_overload_refused_total",
    help: "What was refused or dropped because of overload, by its importance.",
    read: () => Object.entries(state.refusals).map(([work, value]) => ({ labels: { work }, value })),
  });
  metrics.gauge({
    name: "parley_writes_in_flight",
    help: "Writes that were accepted and are not answered.",
    read: state.inFlight,
  });
  metrics.gauge({
    name: "parley_writes_in_flight_limit",
    help: "How many may be, as overload lets it be at the moment.",
    read: state.limit,
  });
}

/** What a call is; undefined for what is never refused here. */
export function workOf({ parent, idempotency }: DescMethod): Work | undefined {
  if (!sheddable.has(parent.typeName)) return undefined;
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ? "read" : "write";
}

const sheddable = new Set([MessageService, RoomService, UserService].map(({ typeName }) => typeName));
