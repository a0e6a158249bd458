import { create } from "@bufbuild/protobuf";
import { type ClientFrame, ClientFrameSchema, type Resume } from "#gen/parley/realtime/v1/frames_pb.js";
import { type FieldViolation, InvalidArgumentError } from "../../services/common/errors.ts";
import type { Validator } from "../../services/common/validation.ts";
import type { Admission } from "../admission.ts";
import { RoomNotFoundError } from "../errors.ts";
import { closeCauses } from "./close-codes.ts";
import type { Connection } from "./connection.ts";
import { startRooms } from "./cursors.ts";
import { type Hellos, turnAway } from "./hello.ts";
import { operationOf } from "./operations.ts";
import { fail, reply } from "./replies.ts";
import { createAckFrame } from "./server-frame.ts";
import type { Shedding } from "./shedding.ts";
import type { SignalSender } from "./signals.ts";
import type { WatchOperation } from "./watched-operations.ts";
import type { Operation, Outcome, WriteRouter } from "./write-router.ts";

/** Frames in a row that are none before a client is sent away. */
const maxRefused = 100;
/** A ref up to here keeps its rule, whatever it is made of. */
const longRef = 64;

export interface ClientSessionDeps {
  hellos: Pick<Hellos, "hello" | "refreshToken">;
  writes: Pick<WriteRouter, "write">;
  signals: Pick<SignalSender, "typing">;
  validator: Validator;
  watch: WatchOperation;
  admission: Pick<Admission, "refuses" | "refused" | "began" | "ended">;
  shedding: Pick<Shedding, "refuse" | "refusal">;
}

/** What connections' clients ask for, frame by frame. One object serves all connections. */
export interface ClientSessions {
  /** Answers a frame. Frames of one connection are given in the order they came. */
  handle(connection: Connection, frame: ClientFrame): void;
  /** Answers what was no ClientFrame. */
  refuse(connection: Connection, ref: string | undefined, cause: unknown): void;
}

export function createClientSessions(deps: ClientSessionDeps): ClientSessions {
  const { hellos, writes, signals, validator, watch, admission, shedding } = deps;

  function refuse(connection: Connection, ref: string | undefined, cause: unknown): void {
    if (connection.helloStarted && !connection.ready) {
      connection.defer(() => refuse(connection, ref, cause));
      return;
    }
    connection.expectAnswer();
    fail(connection, ref, cause);
    if (!connection.helloStarted) connection.close(closeCauses.helloMissing);
    else if (++connection.refused >= maxRefused) connection.close(closeCauses.tooManyRefusedFrames);
  }

  function resume(connection: Connection, ref: string | undefined, request: Resume): void {
    reply(connection, ref, { case: "ack", value: {} });
    startRooms(connection, request.rooms);
  }

  function write(
    connection: Connection,
    ref: string | undefined,
    roomId: string,
    operation: Operation,
  ): void {
    const watched = watch(connection, operation.case ?? "", roomId);
    const began = admission.began();
    const answer = (outcome: Outcome) => {
      admission.ended(began);
      watched?.ended("error" in outcome ? outcome.error : undefined);
      if (connection.closed) return;
      if ("error" in outcome) {
        reply(connection, ref, { case: "error", value: outcome.error });
      } else {
        connection.answer(createAckFrame(ref, roomId, outcome.ack));
      }
    };
    writes.write(connection.slot, roomId, operation, answer, watched?.traceparent);
  }

  function typing(connection: Connection, ref: string | undefined, roomId: string): void {
    const { user } = connection;
    if (user?.rooms.has(roomId)) {
      connection.noAnswer();
      if (admission.refuses("signal")) admission.refused("signal");
      else signals.typing(connection, roomId, user.userId);
    } else {
      fail(connection, ref, new RoomNotFoundError());
    }
  }

  function begin(connection: Connection, frame: ClientFrame): void {
    const { kind, ref } = frame;
    connection.helloStarted = true;
    if (kind.case !== "hello") {
      fail(connection, ref, new InvalidArgumentError([{ field: "hello", description: "must come first" }]));
      connection.close(closeCauses.helloMissing);
      return;
    }
    const violations = validator.validate(ClientFrameSchema, frame);
    if (violations.length > 0) turnAway(connection, ref, new InvalidArgumentError(violations));
    else void hellos.hello(connection, ref, kind.value);
  }

  function answer(connection: Connection, frame: ClientFrame): void {
    const { kind, ref } = frame;
    const violations = validator.validate(ClientFrameSchema, frame);
    if (violations.length > 0) {
      fail(connection, ref, new InvalidArgumentError(violations));
      return;
    }
    switch (kind.case) {
      case "typing":
        typing(connection, ref, kind.value.roomId);
        break;
      case "resume":
        if (admission.refuses("read")) connection.answer(shedding.refusal("read", ref));
        else resume(connection, ref, kind.value);
        break;
      case "refreshToken":
        void hellos.refreshToken(connection, ref, kind.value);
        break;
      case "ping":
        reply(connection, ref, { case: "pong", value: {} });
        break;
      case "hello":
        fail(
          connection,
          ref,
          new InvalidArgumentError([{ field: "hello", description: "was said already" }]),
        );
        break;
      default:
        throw new Error(`a frame of kind ${kind.case} is not handled`);
    }
  }

  function refFaults(ref: string): FieldViolation[] {
    return validator.validate(ClientFrameSchema, create(ClientFrameSchema, { ref }));
  }

  function handle(connection: Connection, frame: ClientFrame): void {
    const { kind, ref } = frame;
    if (kind.case === undefined) {
      const violation = { field: "kind", description: "must be one of the kinds of ClientFrame" };
      refuse(connection, ref, new InvalidArgumentError([violation]));
      return;
    }
    if (connection.helloStarted && !connection.ready) {
      connection.defer(() => handle(connection, frame));
      return;
    }
    count(connection, kind.case);
    connection.expectAnswer();
    if (!connection.ready) {
      begin(connection, frame);
      return;
    }
    connection.refused = 0;
    // The rules of operations are Message's to check, but for the ref; all other frames are the gateway's own.
    const found = operationOf(frame);
    const faults = found && ref !== undefined && ref.length > longRef ? refFaults(ref) : [];
    if (faults.length > 0) fail(connection, ref, new InvalidArgumentError(faults));
    else if (found && admission.refuses("write", connection.unanswered)) {
      connection.noAnswer();
      shedding.refuse(connection, ref);
    } else if (found) write(connection, ref, found.roomId, found.operation);
    else answer(connection, frame);
  }

  return { handle, refuse };
}

function count({ traffic: { received } }: Connection, kind: string): void {
  received.set(kind, (received.get(kind) ?? 0) + 1);
}
