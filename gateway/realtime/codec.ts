import { create, fromBinary, type JsonObject, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { SendMessageRequestSchema } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import {
  type Ack,
  type ClientFrame,
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
} from "#gen/parley/realtime/v1/frames_pb.js";
import { statusRegistry } from "../../services/common/errors.ts";
import { readJson } from "../json-fault.ts";
import { frameBinary, frameText } from "./websocket-frame.ts";

/** The two subprotocols: Protobuf JSON in text frames, binary Protobuf in binary frames. */
export type Format = "json" | "proto";

/** What the client sent is no ClientFrame at all: the connection ends. */
export class BadFrameError extends Error {
  override readonly name = "BadFrameError";
}

/** What the client sent is JSON, but no ClientFrame: it is answered, and the connection goes on. */
export class RefusedFrameError extends Error {
  override readonly name = "RefusedFrameError";
  readonly ref: string | undefined;

  constructor(ref: string | undefined, cause: unknown) {
    super("the frame is no ClientFrame", { cause });
    this.ref = ref;
  }
}

const writeOptions = { alwaysEmitImplicit: true, registry: statusRegistry };

export function decodeBinary(data: Uint8Array): ClientFrame {
  try {
    return fromBinary(ClientFrameSchema, data);
  } catch (cause) {
    throw new BadFrameError("the frame is no binary ClientFrame", { cause });
  }
}

export function decodeJson(data: string): ClientFrame {
  let json: JsonValue;
  try {
    json = JSON.parse(data) as JsonValue;
  } catch (cause) {
    throw new BadFrameError("the frame is no JSON", { cause });
  }
  const ref = refOf(json);
  const send = decodeSend(json, ref);
  if (send) return send;
  try {
    return readJson(ClientFrameSchema, withoutNulls(json));
  } catch (cause) {
    throw new RefusedFrameError(ref, cause);
  }
}

/** Null is absent. The library takes it for a kind all the same, and with the frame's own there would be two. */
function withoutNulls(json: JsonValue): JsonValue {
  if (!isObject(json) || !Object.values(json).includes(null)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function refOf(json: JsonValue): string | undefined {
  const ref = isObject(json) ? json.ref : undefined;
  return typeof ref === "string" ? ref : undefined;
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/**
 * The most frequent frame, decoded without walking descriptors (a seventh of the time). Anything that is not exactly
 * `{ref, send: {roomId, clientId, text}}` with strings is left to the general way.
 */
function decodeSend(json: JsonValue, ref: string | undefined): ClientFrame | undefined {
  if (ref === undefined || !isObject(json)) return undefined;
  const send = json.send;
  if (!isObject(send)) return undefined;
  const { roomId, clientId, text } = send;
  if (typeof roomId !== "string" || typeof clientId !== "string" || typeof text !== "string")
    return undefined;
  if (Object.keys(json).length !== 2 || Object.keys(send).length !== 3) return undefined;
  // Half a pair of surrogates is no text: the general way says so, where binary Protobuf would put something else there.
  if (![ref, roomId, clientId, text].every((value) => value.isWellFormed())) return undefined;
  const value = create(SendMessageRequestSchema);
  value.roomId = roomId;
  value.clientId = clientId;
  value.text = text;
  const frame = create(ClientFrameSchema);
  frame.ref = ref;
  frame.kind = { case: "send", value };
  return frame;
}

export function encodeBinary(frame: ServerFrame): Buffer {
  return frameBinary(toBinary(ServerFrameSchema, frame));
}

export function encodeJson(frame: ServerFrame): Buffer {
  return frameText(jsonOf(frame));
}

/**
 * Exactly what protobuf-es writes, without walking descriptors for the two kinds that make up nearly all frames and for
 * the one that a single frame of a client's can ask for thousands of.
 */
export function jsonOf(frame: ServerFrame): string {
  const { kind, ref } = frame;
  if (kind.case === "ack" && ref !== undefined)
    return `{"ref":${JSON.stringify(ref)},"ack":${ackJson(kind.value)}}`;
  if (kind.case === "event" && ref === undefined && kind.value.body.case === "messagePosted") {
    return `{"event":${postedJson(kind.value)}}`;
  }
  if (kind.case === "roomGone" && ref === undefined) {
    return `{"roomGone":{"roomId":${JSON.stringify(kind.value.roomId)}}}`;
  }
  return JSON.stringify(toJson(ServerFrameSchema, frame, writeOptions));
}

function ackJson(ack: Ack): string {
  const at = ack.at ? `"at":"${timestampJson(ack.at)}",` : "";
  return `{"roomId":${JSON.stringify(ack.roomId)},"seq":"${ack.seq}",${at}"replayed":${ack.replayed}}`;
}

function postedJson(event: TimelineEvent): string {
  if (event.body.case !== "messagePosted") throw new Error("not a post");
  const { clientId, text, replyToSeq, erased } = event.body.value;
  const at = event.at ? `"at":"${timestampJson(event.at)}",` : "";
  const reply = replyToSeq === undefined ? "" : `"replyToSeq":"${replyToSeq}",`;
  return (
    `{"roomId":"${event.roomId}","seq":"${event.seq}","actorId":"${event.actorId}",${at}"messagePosted":` +
    `{"clientId":${JSON.stringify(clientId)},"text":${JSON.stringify(text)},${reply}"erased":${erased}}}`
  );
}

/** The last one, since what was committed together has one time, and its acks and events are written one by one. */
let lastMs = Number.NaN;
let lastJson = "";

/** RFC 3339 as Protobuf JSON has it; the server's times are whole milliseconds. */
function timestampJson(at: Timestamp): string {
  const ms = timestampMs(at);
  if (ms === lastMs) return lastJson;
  const iso = new Date(ms).toISOString();
  lastMs = ms;
  lastJson = at.nanos === 0 ? `${iso.slice(0, 19)}Z` : iso;
  return lastJson;
}
