import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { toJson } from "@bufbuild/protobuf";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  httpStatusOf,
  retryAfterMsOf,
  statusRegistry,
  toConnectError,
  toStatus,
} from "../services/common/errors.ts";
import { newId } from "../services/common/ids.ts";
import { securityHeaders } from "./security-headers.ts";

/** A google.rpc.Status as HTTP, for where there is no Fastify to make it one. */
interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers on the bare socket, where there is no HTTP response to answer with, and ends it. */
export function refuseOnSocket(
  socket: Duplex,
  error: unknown,
  more: Readonly<Record<string, string>> = {},
): void {
  const { status, headers, body } = refusalOf(error);
  // The client's side stays open otherwise, for as long as it likes.
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} Refused`,
      ...Object.entries({ ...headers, ...more }).map(([name, value]) => `${name}: ${value}`),
      "",
      body,
    ].join("\r\n"),
  );
}

/** The same by a response that Node has made but nobody has routed. */
export function refuseOnResponse(
  response: ServerResponse,
  error: unknown,
  more: Readonly<Record<string, string>> = {},
): void {
  const { status, headers, body } = refusalOf(error);
  response.writeHead(status, { ...headers, ...more }).end(body);
}

function refusalOf(error: unknown): Refusal {
  const body = JSON.stringify(
    toJson(StatusSchema, toStatus(error), { registry: statusRegistry, alwaysEmitImplicit: true }),
  );
  const wait = retryAfterMsOf(error);
  return {
    status: httpStatusOf(toConnectError(error)),
    headers: {
      ...securityHeaders,
      "x-request-id": newId(),
      "content-type": "application/json; charset=utf-8",
      "content-length": String(Buffer.byteLength(body)),
      ...(wait !== undefined && { "retry-after": String(Math.max(1, Math.ceil(wait / 1000))) }),
      connection: "close",
    },
    body,
  };
}
