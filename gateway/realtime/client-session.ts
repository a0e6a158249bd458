import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import {
  type ClientFrame,
  ClientFrameSchema,
  type Hello,
  type RefreshToken,
  type Resume,
  type RoomCursor,
  type ServerFrameSchema,
} from "#gen/parley/realtime/v1/frames_pb.js";
import type { Caller, TokenVerifier } from "../../services/common/auth.ts";
import {
  InvalidArgumentError,
  reasonOf,
  toStatus,
  UnauthenticatedError,
} from "../../services/common/errors.ts";
import { RoomNotFoundError } from "../errors.ts";
import type { Validator } from "../../services/common/validation.ts";
import { type CloseCause, closeCauses } from "./close-codes.ts";
import { keptByGap } from "./catch-up.ts";
import type { Connection } from "./connection.ts";
import type { Hub } from "./hub.ts";
import type { LiveLog } from "./live-log.ts";
import { createFrame } from "./server-frame.ts";
import type { SignalSender } from "./signals.ts";
import type { Operation, WriteLink } from "./write-link.ts";

/** Frames in a row that are none before a client is sent away. */
const maxRefused = 100;

export interface ClientSessionDeps {
  hub: Hub;
  writes: WriteLink;
  signals: SignalSender;
  verifier: TokenVerifier;
  validator: Validator;
  heartbeatMs: number;
  /** The connection has a session and a token's end from now on, or new ones. */
  identified(connection: Connection): void;
  logger: Logger;
}

/** What a connection's client asks for, frame by frame. One object serves all connections. */
export interface ClientSessions {
  /** Answers a frame. Frames of one connection are given in the order they came. */
  handle(connection: Connection, frame: ClientFrame): void;
  /** Answers what was no ClientFrame. */
  refuse(connection: Connection, ref: string | undefined, cause: unknown): void;
}

type Kind = MessageInitShape<typeof ServerFrameSchema>["kind"];

export function createClientSessions(deps: ClientSessionDeps): ClientSessions {
  const { hub, writes } = deps;

  function reply(connection: Connection, ref: string | undefined, kind: NonNullable<Kind>): void {
    connection.answer(createFrame(ref === undefined ? { kind } : { ref, kind }));
  }

  function fail(connection: Connection, ref: string | undefined, error: unknown): void {
    reply(connection, ref, { case: "error", value: toStatus(error) });
  }

  function refuse(connection: Connection, ref: string | undefined, cause: unknown): void {
    connection.expectAnswer();
    fail(connection, ref, cause);
    if (!connection.helloStarted) connection.close(closeCauses.helloMissing);
    else if (++connection.refused >= maxRefused) connection.close(closeCauses.tooManyRefusedFrames);
  }

  /** A hello that can't be served ends the connection: its error first, then the goodbye. */
  function turnAway(connection: Connection, ref: string | undefined, error: unknown): void {
    fail(connection, ref, error);
    connection.close(causeOf(error));
  }

  async function hello(connection: Connection, ref: string | undefined, request: Hello): Promise<void> {
    let caller: Caller;
    try {
      caller = deps.verifier.cached(request.accessToken) ?? (await deps.verifier.verify(request.accessToken));
      if (connection.closed) return;
      connection.sessionId = caller.sessionId;
      connection.expiresAt = caller.expiresAt;
      await hub.enter(caller.userId, connection);
    } catch (error) {
      if (!connection.closed) turnAway(connection, ref, error);
      return;
    }
    if (connection.closed) return hub.leave(connection);
    if (deps.verifier.isRevoked(caller.sessionId)) return connection.close(closeCauses.sessionEnded);
    connection.slot = writes.introduce(request.accessToken);
    deps.identified(connection);
    begin(connection, ref, request, caller);
  }

  /** From here in one turn of the event loop, so that nothing comes between `ready` and the first event. */
  function begin(connection: Connection, ref: string | undefined, request: Hello, caller: Caller): void {
    const user = connection.user;
    if (!user) return;
    connection.ready = true;
    connection.foreignEpoch = request.epoch !== undefined && request.epoch !== hub.epoch;
    reply(connection, ref, {
      case: "ready",
      value: {
        connectionId: connection.id,
        userId: caller.userId,
        sessionId: caller.sessionId,
        heartbeatInterval: durationFromMs(deps.heartbeatMs),
        feedSeq: BigInt(user.feed.seq),
        epoch: hub.epoch,
      },
    });
    for (const channel of user.rooms.values()) connection.begin(channel, channel.seq);
    if (request.feedAfterSeq === undefined) connection.begin(user.feed, user.feed.seq);
    else start(connection, user.feed, request.feedAfterSeq);
    startRooms(connection, request.rooms);
    connection.undefer();
  }

  function startRooms(connection: Connection, cursors: readonly RoomCursor[]): void {
    for (const { roomId, afterSeq } of cursors) {
      const channel = connection.user?.rooms.get(roomId);
      if (channel) start(connection, channel, afterSeq);
      else connection.push(createFrame({ kind: { case: "roomGone", value: { roomId } } }));
    }
  }

  function start(connection: Connection, log: LiveLog, afterSeq: bigint | undefined): void {
    if (afterSeq === undefined) {
      connection.restart(log, log.seq, keptByGap);
    } else if (connection.foreignEpoch) {
      connection.push(
        createFrame({
          kind: { case: "gap", value: { log: log.where, nextSeq: BigInt(log.seq + 1), reset: true } },
        }),
      );
      connection.restart(log, log.seq, keptByGap);
    } else {
      connection.restart(log, Number(afterSeq), keptByGap);
    }
  }

  function resume(connection: Connection, ref: string | undefined, request: Resume): void {
    reply(connection, ref, { case: "ack", value: {} });
    startRooms(connection, request.rooms);
  }

  async function refreshToken(connection: Connection, ref: string | undefined, request: RefreshToken): Promise<void> {
    try {
      const caller = deps.verifier.cached(request.accessToken) ?? (await deps.verifier.verify(request.accessToken));
      if (connection.closed) return;
      if (caller.sessionId !== connection.sessionId || caller.userId !== connection.user?.userId) {
        throw new UnauthenticatedError("the access token is of another session");
      }
      connection.expiresAt = caller.expiresAt;
      writes.retire(connection.slot);
      connection.slot = writes.introduce(request.accessToken);
      deps.identified(connection);
      reply(connection, ref, { case: "ack", value: {} });
    } catch (error) {
      if (!connection.closed) fail(connection, ref, error);
    }
  }

  function write(connection: Connection, ref: string | undefined, roomId: string, operation: Operation): void {
    writes.write(connection.slot, operation, (outcome) => {
      if (connection.closed) return;
      if ("error" in outcome) return reply(connection, ref, { case: "error", value: outcome.error });
      const { seq, at, replayed } = outcome.ack;
      reply(connection, ref, { case: "ack", value: at ? { roomId, seq, at, replayed } : { roomId, seq, replayed } });
    });
  }

  function typing(connection: Connection, ref: string | undefined, roomId: string): void {
    const user = connection.user;
    if (!user?.rooms.has(roomId)) return fail(connection, ref, new RoomNotFoundError());
    connection.noAnswer();
    deps.signals.typing(connection, roomId, user.userId);
  }

  function dispatch(connection: Connection, ref: string | undefined, frame: ClientFrame): void {
    const { kind } = frame;
    switch (kind.case) {
      case "send":
        return write(connection, ref, kind.value.roomId, { case: "send", value: kind.value });
      case "edit":
        return write(connection, ref, kind.value.roomId, { case: "edit", value: kind.value });
      case "delete":
        return write(connection, ref, kind.value.roomId, { case: "delete", value: kind.value });
      case "react": {
        const { roomId, seq, emoji, remove } = kind.value;
        const operation = remove ? ("removeReaction" as const) : ("addReaction" as const);
        return write(connection, ref, roomId, { case: operation, value: { roomId, seq, emoji } });
      }
      case "markRead":
        return write(connection, ref, kind.value.roomId, { case: "markRead", value: kind.value });
      case "typing":
        return typing(connection, ref, kind.value.roomId);
      case "resume":
        return resume(connection, ref, kind.value);
      case "refreshToken":
        return void refreshToken(connection, ref, kind.value);
      case "ping":
        return reply(connection, ref, { case: "pong", value: {} });
      case "hello":
        return fail(connection, ref, new InvalidArgumentError([{ field: "hello", description: "was said already" }]));
      default:
        return;
    }
  }

  return {
    refuse,
    handle(connection, frame) {
      const { kind, ref } = frame;
      if (kind.case === undefined) {
        const violation = { field: "kind", description: "must be one of the kinds of ClientFrame" };
        return refuse(connection, ref, new InvalidArgumentError([violation]));
      }
      if (connection.helloStarted && !connection.ready) return connection.defer(() => this.handle(connection, frame));
      connection.expectAnswer();
      // The rules of operations are Message's to check; all other frames are this gateway's own.
      const isOperation = kind.case === "send" || kind.case === "edit" || kind.case === "delete" || kind.case === "markRead";
      const violations = isOperation ? [] : deps.validator.validate(ClientFrameSchema, frame);
      if (!connection.ready) {
        connection.helloStarted = true;
        if (kind.case !== "hello") {
          fail(connection, ref, new InvalidArgumentError([{ field: "hello", description: "must come first" }]));
          return connection.close(closeCauses.helloMissing);
        }
        if (violations.length > 0) return turnAway(connection, ref, new InvalidArgumentError(violations));
        return void hello(connection, ref, kind.value);
      }
      if (violations.length > 0) return fail(connection, ref, new InvalidArgumentError(violations));
      connection.refused = 0;
      dispatch(connection, ref, frame);
    },
  };
}

function causeOf(error: unknown): CloseCause {
  switch (reasonOf(error)) {
    case "TOKEN_EXPIRED":
      return closeCauses.tokenExpired;
    case "SESSION_REVOKED":
      return closeCauses.sessionEnded;
    case "UNAUTHENTICATED":
      return closeCauses.tokenInvalid;
    case "INVALID_ARGUMENT":
      return closeCauses.helloRefused;
    default:
      return closeCauses.unavailable;
  }
}
