import { create } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Status } from "#gen/google/rpc/status_pb.js";
import {
  type MessageInternalService,
  type Write,
  type WriteAck,
  type WriteResult,
  WriteSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { Replicas } from "../../services/common/rpc/rpc.ts";
import { SequenceMap } from "../../services/common/sequence-map.ts";
import { createRendezvous } from "./rendezvous.ts";
import { followReplicas } from "./replica-links.ts";
import { createWriteLink, type WriteCaller, type WriteLink } from "./write-link.ts";

export type Operation = Write["operation"];
export type Outcome = { ack: WriteAck } | { error: Status };

/**
 * This gateway's way to Message: a stream to each replica, and each write on that of the replica its room hashes to.
 *
 * All unanswered writes of a room are at one replica, in the order they came; what comes later waits here or joins them
 * there. When replicas come, go or fall silent, rooms move: where the former replica's stream still stands, the room's
 * later writes wait until all are answered there; where it doesn't, the unanswered ones are sent again to the new one,
 * in order, before later ones. The former may be doing them all the same, or do them when it wakes up; Message makes one
 * event of both, and since each does them in order, so is what comes of it. Only the answers of where a write was sent
 * last count, so it is answered once.
 *
 * While no stream stands everything waits, up to `giveUpMs`; a write is then answered UNAVAILABLE, and may still be done.
 */
export interface WriteRouter {
  /** Makes a caller known; the slot is for `write`. Message hears of it with the first write. */
  introduce(accessToken: string): number;
  retire(slot: number): void;
  /** Calls `answer` exactly once: later, or at once when nothing can be taken. */
  write(
    slot: number,
    roomId: string,
    operation: Operation,
    answer: (outcome: Outcome) => void,
    traceparent?: string | undefined,
  ): void;
  /** Writes without an answer yet. */
  readonly unanswered: number;
  /** Replicas that are known, and those to which a stream stands. */
  readonly replicas: { readonly known: number; readonly standing: number };
  run(signal: AbortSignal): Promise<void>;
}

export interface WriteRouterDeps {
  replicas: Replicas<typeof MessageInternalService>;
  /** A UUIDv7 that is never used again. */
  linkId: string;
  backoff(attempt: number): Promise<void>;
  /** The answer to a write that found no way. */
  unavailable(): Status;
  /** The answer to a write of which there are too many. */
  overloaded(): Status;
  giveUpMs: number;
  logger: Logger;
  now?: () => number;
}

/** Unanswered writes of all connections; further ones are refused. */
const maxPending = 100_000;

interface Caller extends WriteCaller {
  unanswered: number;
  retired: boolean;
}

interface Pending {
  readonly write: Write;
  readonly caller: Caller;
  readonly roomId: string;
  readonly since: number;
  readonly answer: (outcome: Outcome) => void;
  /** Where it was sent; undefined while it waits here. */
  link: WriteLink | undefined;
  sent: boolean;
}

/** A room that moves. */
interface Move {
  /** Unanswered writes at the former replica. */
  left: number;
  readonly waiting: Pending[];
}

export function createWriteRouter(deps: WriteRouterDeps): WriteRouter {
  const now = deps.now ?? Date.now;
  const callers = new Map<number, Caller>();
  /** In the order they came, which is that of ids. */
  const pending = new SequenceMap<Pending>();
  const moves = new Map<string, Move>();
  const links = followReplicas(deps.replicas, {
    name: "write link",
    logger: deps.logger,
    create: ({ client }) => {
      const link: WriteLink = createWriteLink({
        ...deps,
        messages: client,
        answered: (result) => answered(link, result),
        changed: place,
      });
      return link;
    },
    changed: place,
  });
  let standing: readonly WriteLink[] = [];
  let linkOf: (roomId: string) => WriteLink | undefined = () => undefined;
  let lastSlot = 0;
  let lastId = 0;
  let closed = false;

  function send(link: WriteLink, entry: Pending): void {
    entry.link = link;
    if (entry.sent) entry.write.again = true;
    entry.sent = true;
    link.write(entry.caller, entry.write);
  }

  /** The streams that stand are others: all that is unanswered finds its place anew. */
  function place(): void {
    const known = [...links.all()].filter(([, { stands }]) => stands);
    standing = known.map(([, link]) => link);
    linkOf = createRendezvous(known);
    moves.clear();
    for (const [, entry] of pending.entries()) {
      if (entry.link && !standing.includes(entry.link)) entry.link = undefined;
    }
    if (standing.length === 0) return;
    for (const [, entry] of pending.entries()) placeOne(entry);
  }

  /** In the order of ids: those of a room that stay where they are come before those that wait. */
  function placeOne(entry: Pending): void {
    const link = linkOf(entry.roomId) as WriteLink;
    const move = moves.get(entry.roomId);
    if (entry.link === link) return;
    if (entry.link) {
      if (move) move.left += 1;
      else moves.set(entry.roomId, { left: 1, waiting: [] });
    } else if (move) {
      move.waiting.push(entry);
    } else {
      send(link, entry);
    }
  }

  function answered(link: WriteLink, result: WriteResult): void {
    const id = Number(result.id);
    const { outcome } = result;
    const entry = pending.get(id);
    if (entry?.link !== link) return;
    if (outcome.case === "ack") settle(id, entry, { ack: outcome.value });
    else settle(id, entry, { error: outcome.value ?? deps.unavailable() });
  }

  function settle(id: number, entry: Pending, outcome: Outcome): void {
    const { caller, roomId } = entry;
    pending.delete(id);
    caller.unanswered -= 1;
    if (caller.retired) forget(caller);
    const move = moves.size > 0 ? moves.get(roomId) : undefined;
    if (move && --move.left === 0) finish(roomId, move);
    entry.answer(outcome);
  }

  function finish(roomId: string, { waiting }: Move): void {
    moves.delete(roomId);
    const link = linkOf(roomId) as WriteLink;
    for (const entry of waiting) send(link, entry);
  }

  function forget(caller: Caller): void {
    if (caller.unanswered > 0) return;
    for (const link of standing) link.retire(caller);
  }

  function giveUp(olderThan: number): void {
    moves.clear();
    for (const [id, entry] of pending.entries()) {
      if (entry.since > olderThan) return;
      settle(id, entry, { error: deps.unavailable() });
    }
  }

  return {
    introduce(accessToken) {
      const slot = ++lastSlot;
      callers.set(slot, { slot, accessToken, unanswered: 0, retired: false });
      return slot;
    },
    retire(slot) {
      const caller = callers.get(slot);
      if (!caller) return;
      callers.delete(slot);
      caller.retired = true;
      forget(caller);
    },
    write(slot, roomId, operation, answer, traceparent) {
      const caller = callers.get(slot);
      if (closed || !caller) return answer({ error: deps.unavailable() });
      if (pending.size >= maxPending) return answer({ error: deps.overloaded() });
      const id = ++lastId;
      const write = create(WriteSchema);
      write.id = BigInt(id);
      write.slot = BigInt(slot);
      write.operation = operation;
      if (traceparent !== undefined) write.traceparent = traceparent;
      const entry: Pending = { write, caller, roomId, since: now(), answer, link: undefined, sent: false };
      caller.unanswered += 1;
      pending.set(id, entry);
      const move = moves.size > 0 ? moves.get(roomId) : undefined;
      const link = linkOf(roomId);
      if (move) move.waiting.push(entry);
      else if (link) send(link, entry);
    },
    get unanswered() {
      return pending.size;
    },
    get replicas() {
      return { known: links.size, standing: standing.length };
    },
    async run(signal) {
      const timer = setInterval(() => standing.length > 0 || giveUp(now() - deps.giveUpMs), 1000);
      try {
        await links.run(signal);
      } finally {
        clearInterval(timer);
        closed = true;
        giveUp(Number.POSITIVE_INFINITY);
      }
    },
  };
}
