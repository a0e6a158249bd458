import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Hello, ReadySchema, RefreshToken } from "#gen/parley/realtime/v1/frames_pb.js";
import type { SubscribeRequest } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { Caller, TokenVerifier } from "../../services/common/auth.ts";
import { reasonOf, UnauthenticatedError, UnavailableError } from "../../services/common/errors.ts";
import { type CloseCause, closeCauses } from "./close-codes.ts";
import type { Connection } from "./connection.ts";
import { startAt, startRooms } from "./cursors.ts";
import type { Hub } from "./hub.ts";
import { fail, reply } from "./replies.ts";
import { createFrame } from "./server-frame.ts";
import type { WriteRouter } from "./write-router.ts";

export interface HelloDeps {
  hub: Hub;
  writes: Pick<WriteRouter, "introduce" | "retire">;
  verifier: Pick<TokenVerifier, "cached" | "verify">;
  heartbeatMs: number;
  /** How long a person's rooms may take to be followed before the hello is refused. */
  enterTimeoutMs: number;
  /** The connection has a session and a token's end from now on, or new ones. */
  identified(connection: Connection): void;
}

/** How a connection becomes someone's, and stays it. */
export interface Hellos {
  hello(connection: Connection, ref: string | undefined, request: Hello): Promise<void>;
  /** For a connection without a client's side. Throws what a hello would be turned away with. */
  subscribe(connection: Connection, caller: Caller, request: SubscribeRequest): Promise<void>;
  refreshToken(connection: Connection, ref: string | undefined, request: RefreshToken): Promise<void>;
}

/** A hello that can't be served ends the connection: its error first, then the goodbye. */
export function turnAway(connection: Connection, ref: string | undefined, error: unknown): void {
  fail(connection, ref, error);
  connection.close(causeOf(error));
}

export function createHellos(deps: HelloDeps): Hellos {
  const { hub, writes, verifier, heartbeatMs, enterTimeoutMs, identified } = deps;
  const verify = async (token: string) => verifier.cached(token) ?? verifier.verify(token);

  function identify(connection: Connection, caller: Caller): void {
    connection.expiresAt = caller.expiresAt;
    identified(connection);
  }

  function introduce(connection: Connection, caller: Caller): void {
    connection.slot = writes.introduce(caller.token);
  }

  /** Makes the connection one of the person's; answers false if it was closed meanwhile. */
  async function enter(connection: Connection, { sessionId, userId, token }: Caller): Promise<boolean> {
    if (connection.closed) return false;
    connection.sessionId = sessionId;
    await inTime(hub.enter(userId, connection), enterTimeoutMs);
    // The session may have ended while the person's rooms were asked for.
    const still = await verify(token);
    // Whoever closed it has also made the hub forget it; what is introduced now would stay for ever.
    if (connection.closed) return false;
    identify(connection, still);
    return true;
  }

  /** In one turn of the event loop, so that nothing comes between `ready` and the first event. */
  function begin(
    connection: Connection,
    request: Hello | SubscribeRequest,
    say: (kind: { case: "ready"; value: MessageInitShape<typeof ReadySchema> }) => void,
  ): void {
    const { user } = connection;
    if (!user) return;
    connection.ready = true;
    connection.foreignEpoch = request.epoch !== undefined && request.epoch !== hub.epoch;
    say({
      case: "ready",
      value: {
        connectionId: connection.id,
        userId: user.userId,
        sessionId: connection.sessionId,
        heartbeatInterval: durationFromMs(heartbeatMs),
        feedSeq: BigInt(user.feed.seq),
        epoch: hub.epoch,
      },
    });
    for (const channel of user.rooms.values()) connection.begin(channel, channel.seq);
    if (request.feedAfterSeq === undefined) connection.begin(user.feed, user.feed.seq);
    else startAt(connection, user.feed, request.feedAfterSeq);
    startRooms(connection, request.rooms);
    connection.undefer();
  }

  return {
    async hello(connection, ref, request) {
      try {
        const caller = await verify(request.accessToken);
        if (!(await enter(connection, caller))) return;
        introduce(connection, caller);
        begin(connection, request, (ready) => reply(connection, ref, ready));
      } catch (error) {
        if (!connection.closed) turnAway(connection, ref, error);
      }
    },
    async subscribe(connection, caller, request) {
      if (await enter(connection, caller))
        begin(connection, request, (kind) => connection.push(createFrame({ kind })));
    },
    async refreshToken(connection, ref, request) {
      try {
        const caller = await verify(request.accessToken);
        if (connection.closed) return;
        if (caller.sessionId !== connection.sessionId || caller.userId !== connection.user?.userId) {
          throw new UnauthenticatedError("the access token is of another session");
        }
        writes.retire(connection.slot);
        introduce(connection, caller);
        identify(connection, caller);
        reply(connection, ref, { case: "ack", value: {} });
      } catch (error) {
        if (!connection.closed) fail(connection, ref, error);
      }
    },
  };
}

/** While Delivery or Message is out of reach a client is better told so than kept waiting. */
async function inTime(entered: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new UnavailableError("connections can't begin right now")), ms);
  try {
    await Promise.race([entered, late.promise]);
  } finally {
    clearTimeout(timer);
  }
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
