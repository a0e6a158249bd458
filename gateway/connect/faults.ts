import { isUtf8 } from "node:buffer";
import { type DescMessage, fromBinary, type JsonValue } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { InvalidArgumentError } from "../../services/common/errors.ts";
import { isEndless } from "../../services/common/rpc/timeouts.ts";
import { readJson } from "../json-fault.ts";
import { envelopePrefix, maxMessage, tooLarge } from "./body.ts";

/**
 * What the library would refuse before it calls us, with a bare code: it is looked for first, so that a fault gets the
 * same reason and the same fields whatever way it comes in.
 */

/** How the request's one message is written. */
export interface RequestFormat {
  readonly json: boolean;
  /** Behind a prefix of flags and length: all of gRPC-Web, and Connect's streams. */
  readonly enveloped: boolean;
}

const compressedFlag = 1;

/** The headers by which the protocols announce compression, and their time-outs. */
const encodings = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
const timeouts = { "connect-timeout-ms": /^\d{1,10}$/, "grpc-timeout": /^\d{1,8}[HMSmun]$/ };

/**
 * Throws InvalidArgumentError for a header that asks for what isn't there or can't be read. Takes away a time-out that is
 * longer than the library can count to.
 */
export function checkHeaders(headers: Headers): void {
  for (const name of encodings) {
    const encoding = headers.get(name);
    if (encoding !== null && encoding.toLowerCase() !== "identity")
      throw invalid("", "compression is not taken, send it plain");
  }
  for (const [name, pattern] of Object.entries(timeouts)) {
    const timeout = headers.get(name);
    if (timeout !== null && !pattern.test(timeout)) throw invalid(name, "must be a time-out");
    if (timeout !== null && isEndless(timeout)) headers.delete(name);
  }
}

/** Throws for a body that holds no message of this type. */
export function checkBody(schema: DescMessage, format: RequestFormat, body: Buffer): void {
  checkMessage(schema, format, format.enveloped ? unwrap(body) : body);
}

/** Throws for the query of a Connect GET that holds no message of this type. */
export function checkQuery(schema: DescMessage, query: URLSearchParams): void {
  const compression = query.get("compression");
  if (compression !== null && compression !== "identity")
    throw invalid("", "compression is not taken, send it plain");
  const message = query.get("message") ?? "";
  const bytes = query.get("base64") === "1" ? decodeBase64(message) : Buffer.from(message);
  if (bytes.length > maxMessage) throw tooLarge();
  checkMessage(schema, { json: query.get("encoding") === "json", enveloped: false }, bytes);
}

function decodeBase64(text: string): Buffer {
  try {
    return Buffer.from(base64Decode(text));
  } catch {
    throw invalid("message", "must be base64");
  }
}

function unwrap(body: Buffer): Buffer {
  if (body.length < envelopePrefix) throw invalid("", "the request must hold one enveloped message");
  if ((body.readUInt8(0) & compressedFlag) !== 0)
    throw invalid("", "compression is not taken, send it plain");
  const length = body.readUInt32BE(1);
  if (length > maxMessage) throw tooLarge();
  if (length !== body.length - envelopePrefix)
    throw invalid("", "the request must hold one enveloped message");
  return body.subarray(envelopePrefix);
}

function checkMessage(schema: DescMessage, { json }: RequestFormat, bytes: Buffer): void {
  if (json) checkJson(schema, bytes);
  else {
    try {
      fromBinary(schema, bytes);
    } catch {
      throw invalid("", `the message must be a binary ${schema.typeName}`);
    }
  }
}

function checkJson(schema: DescMessage, bytes: Buffer): void {
  let json: JsonValue;
  try {
    if (!isUtf8(bytes)) throw new Error("not UTF-8");
    json = JSON.parse(bytes.toString()) as JsonValue;
  } catch {
    throw invalid("", "the body must be JSON, in UTF-8");
  }
  readJson(schema, json);
}

function invalid(field: string, description: string): InvalidArgumentError {
  return new InvalidArgumentError([{ field, description }]);
}
