import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { withTypedErrors } from "./calls.ts";
import { createCaller, createClient } from "./connect-protocol.ts";

export type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

/** A server on this machine that answers every call so, for as long as the test goes on. */
export async function serve(answer: Answer) {
  const server = createServer((request, response) => void answer(response, request));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = withTypedErrors(createCaller(url));
  return { users: createClient(UserService, call), realtime: createClient(RealtimeService, call) };
}

/** As Connect has an error with a reason: base64 without its padding. */
export function errorJson(code: string, reason: string) {
  const value = Buffer.from(toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason }))).toString(
    "base64",
  );
  const details = [{ type: ErrorInfoSchema.typeName, value: value.replaceAll("=", "") }];
  return { code, message: "no", details };
}
