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

/** Answers on the bare socket, where there is no HTTP response to answer with, and ends it. */
export function refuseOnSocket(
  socket: Duplex,
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const status = httpStatusOf(toConnectError(error));
  const body = JSON.stringify(
    toJson(StatusSchema, toStatus(error), { registry: statusRegistry, alwaysEmitImplicit: true }),
  );
  const wait = retryAfterMsOf(error);
  // The client's side stays open otherwise, for as long as it likes.
  socket.once("finish", () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} Refused`,
      "content-type: application/json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      ...(wait === undefined ? [] : [`retry-after: ${Math.max(1, Math.ceil(wait / 1000))}`]),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
