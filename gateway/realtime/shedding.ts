import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { OverloadedError, statusRegistry, toStatus } from "../../services/common/errors.ts";
import type { Admission, Work } from "../admission.ts";
import type { Format } from "./codec.ts";
import type { Connection, Refusals } from "./connection.ts";
import type { Frames } from "./server-frame.ts";
import { latin1Header } from "./websocket-frame.ts";

/**
 * Refuses frames for overload. That must cost next to nothing: with three times as many sends as can be done, two of
 * three are refused by the thread that does the third. So a send is refused before it is decoded, by its ref alone, and
 * the error is encoded once for each time to wait.
 */
export interface Shedding {
  /** Refuses what came if it is a send and too much. Answers whether it did: then nothing else is to be done. */
  shed(connection: Connection, data: Buffer, isBinary: boolean): boolean;
  /** Refuses a send, or another write, that was decoded. */
  refuse(connection: Connection, ref: string | undefined): void;
  /** The answer to a frame that is refused. */
  refusal(work: Work, ref: string | undefined): Frames;
}

/** The error as it follows the ref in a frame, as bytes that are written as Latin-1. */
type Errors = Readonly<Record<Format, string>>;

export function createShedding(admission: Pick<Admission, "refuses" | "refused">): Shedding {
  /** By the time to wait: some hundred, since it comes in steps. */
  const known = new Map<number, Errors>();

  function errorsOf(waitMs: number): Errors {
    let errors = known.get(waitMs);
    if (errors === undefined) {
      errors = encode(waitMs);
      known.set(waitMs, errors);
    }
    return errors;
  }

  function refuse(connection: Connection, ref: string | undefined): void {
    const waitMs = admission.refused("write");
    connection.refuse(ref, () => new RefusedWrites(errorsOf(waitMs)));
  }

  return {
    refuse,
    refusal(work, ref) {
      const answer = new RefusedWrites(errorsOf(admission.refused(work)));
      answer.add(ref);
      return answer;
    },
    shed(connection, data, isBinary) {
      if (!connection.ready || !admission.refuses("write", connection.unanswered + 1)) return false;
      const ref = isBinary ? refOfBinarySend(data) : refOfJsonSend(data);
      if (ref === undefined) return false;
      refuse(connection, ref);
      return true;
    },
  };
}

function encode(waitMs: number): Errors {
  const value = toStatus(new OverloadedError(undefined, waitMs));
  const json = toJson(StatusSchema, value, { registry: statusRegistry, alwaysEmitImplicit: true });
  const frame = create(ServerFrameSchema, { kind: { case: "error", value } });
  return {
    json: `"error":${asLatin1(JSON.stringify(json))}}`,
    proto: asLatin1(toBinary(ServerFrameSchema, frame)),
  };
}

/** Bytes, or text as UTF-8, as the string that is those bytes when it is written as Latin-1. */
function asLatin1(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as string).toString("latin1");
}

/**
 * All sends of a connection's turn that were refused, with one time to wait. They are written into one string and that
 * into one buffer: with a buffer for each, answering took half of what a refusal costs.
 */
class RefusedWrites implements Refusals {
  readonly deliveries = 0;
  readonly #errors: Errors;
  readonly #refs: (string | undefined)[] = [];

  constructor(errors: Errors) {
    this.#errors = errors;
  }

  add(ref: string | undefined): number {
    return this.#refs.push(ref);
  }

  /** Streams have no client's side that could be refused. */
  items(): [] {
    return [];
  }

  bytes(format: Format): Buffer {
    const error = this.#errors[format];
    let all = "";
    for (const ref of this.#refs) {
      const head = format === "json" ? jsonHeadOf(ref) : protoHeadOf(ref);
      all += latin1Header(format, head.length + error.length);
      all += head;
      all += error;
    }
    return Buffer.from(all, "latin1");
  }
}

/** What is in a JSON frame before the error. */
function jsonHeadOf(ref: string | undefined): string {
  if (ref === undefined) return "{";
  return isPlain(ref) ? `${jsonHead}${ref}",` : `{"ref":${asLatin1(JSON.stringify(ref))},`;
}

/** The same in Protobuf, where messages that follow each other are one: the ref and then the error. */
function protoHeadOf(ref: string | undefined): string {
  if (ref === undefined) return "";
  return isPlain(ref)
    ? String.fromCharCode(refTag, ref.length) + ref
    : asLatin1(toBinary(ServerFrameSchema, create(ServerFrameSchema, { ref })));
}

/** Nearly all refs: printable ASCII that is itself in JSON, short enough for one byte of length in Protobuf. */
const isPlain = (ref: string) => /^[\x20\x21\x23-\x5b\x5d-\x7e]{0,64}$/.test(ref);

/** Refs that are looked for without decoding: what nearly all are. */
const maxRef = 64;
const jsonHead = '{"ref":"';
const jsonSend = '","send":{';
const quote = 0x22;
const backslash = 0x5c;

/** The ref of a frame that begins `{"ref":"…","send":{`, if it is plain ASCII; undefined for all else. */
function refOfJsonSend(data: Buffer): string | undefined {
  if (!hasAt(data, 0, jsonHead)) return undefined;
  const start = jsonHead.length;
  for (let i = start; i <= start + maxRef && i < data.length; i++) {
    const byte = data[i] as number;
    if (byte === quote) return hasAt(data, i, jsonSend) ? data.toString("latin1", start, i) : undefined;
    if (byte === backslash || byte < 0x20 || byte > 0x7e) return undefined;
  }
  return undefined;
}

/** Byte by byte: a few are compared in less time than a call into the runtime takes. */
function hasAt(data: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (data[at + i] !== text.charCodeAt(i)) return false;
  return true;
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
