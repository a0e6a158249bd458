import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { OverloadedError, statusRegistry, toStatus } from "../../services/common/errors.ts";
import type { Admission, Work } from "../admission.ts";
import type { Format } from "./codec.ts";
import type { Connection } from "./connection.ts";
import type { Frames } from "./server-frame.ts";
import { frameBinary, frameText } from "./websocket-frame.ts";

/**
 * Refuses frames for overload. That must cost next to nothing: with three times as many sends as can be done, two of
 * three are refused by the thread that does the third. So a send is refused before it is decoded, by its ref alone, and
 * the error is encoded once for each time to wait.
 */
export interface Shedding {
  /** Refuses what came if it is a send and too much. Answers whether it did: then nothing else is to be done. */
  shed(connection: Connection, data: Buffer, isBinary: boolean): boolean;
  /** The answer to a frame that is refused. */
  refusal(work: Work, ref: string | undefined): Frames;
}

/** The error without its ref, which stands before it in JSON and in Protobuf. */
interface Encoded {
  readonly json: string;
  readonly proto: Buffer;
}

export function createShedding(admission: Admission): Shedding {
  /** By the time to wait: some hundred, since it comes in steps. */
  const encoded = new Map<number, Encoded>();

  function encode(waitMs: number): Encoded {
    const known = encoded.get(waitMs);
    if (known) return known;
    const error = toStatus(new OverloadedError(undefined, waitMs));
    const json = toJson(StatusSchema, error, { registry: statusRegistry, alwaysEmitImplicit: true });
    const frame = create(ServerFrameSchema, { kind: { case: "error", value: error } });
    const made = {
      json: `"error":${JSON.stringify(json)}}`,
      proto: Buffer.from(toBinary(ServerFrameSchema, frame)),
    };
    encoded.set(waitMs, made);
    return made;
  }

  const refusal = (work: Work, ref: string | undefined): Frames =>
    new Refusal(ref, encode(admission.refused(work)));

  return {
    refusal,
    shed(connection, data, isBinary) {
      if (!connection.ready || !admission.refuses("write", connection.unanswered)) return false;
      const ref = isBinary ? refOfBinarySend(data) : refOfJsonSend(data);
      if (ref === undefined) return false;
      connection.refuse(refusal("write", ref));
      return true;
    },
  };
}

class Refusal implements Frames {
  readonly deliveries = 0;
  readonly #ref: string | undefined;
  readonly #error: Encoded;

  constructor(ref: string | undefined, error: Encoded) {
    this.#ref = ref;
    this.#error = error;
  }

  /** Streams have no client's side that could be refused. */
  items(): [] {
    return [];
  }

  bytes(format: Format): Buffer {
    const ref = this.#ref;
    const { json, proto } = this.#error;
    if (format === "json")
      return frameText(ref === undefined ? `{${json}` : `{"ref":${JSON.stringify(ref)},${json}`);
    if (ref === undefined) return frameBinary(proto);
    // Protobuf messages that follow each other are one: the ref and then the error.
    return frameBinary(
      Buffer.concat([toBinary(ServerFrameSchema, create(ServerFrameSchema, { ref })), proto]),
    );
  }
}

/** Refs that are looked for without decoding: what nearly all are. */
const maxRef = 64;
const jsonHead = Buffer.from('{"ref":"');
const jsonSend = Buffer.from('","send":{');
const quote = 0x22;
const backslash = 0x5c;

/** The ref of a frame that begins `{"ref":"…","send":{`, if it is plain ASCII; undefined for all else. */
function refOfJsonSend(data: Buffer): string | undefined {
  if (data.length < jsonHead.length || data.compare(jsonHead, 0, jsonHead.length, 0, jsonHead.length) !== 0)
    return undefined;
  const start = jsonHead.length;
  for (let i = start; i <= start + maxRef && i < data.length; i++) {
    const byte = data[i] as number;
    if (byte === quote) {
      const isSend = data.compare(jsonSend, 0, jsonSend.length, i, i + jsonSend.length) === 0;
      return isSend ? data.toString("latin1", start, i) : undefined;
    }
    if (byte === backslash || byte < 0x20 || byte > 0x7e) return undefined;
  }
  return undefined;
}

/** Tags of ClientFrame's fields `ref` and `send`, both length-delimited. */
const refTag = 0x0a;
const sendTag = 0x22;

function refOfBinarySend(data: Buffer): string | undefined {
  const length = data[1];
  if (data[0] !== refTag || length === undefined || length > maxRef || data[2 + length] !== sendTag)
    return undefined;
  for (let i = 2; i < 2 + length; i++) {
    const byte = data[i] as number;
    if (byte < 0x20 || byte > 0x7e) return undefined;
  }
  return data.toString("latin1", 2, 2 + length);
}
