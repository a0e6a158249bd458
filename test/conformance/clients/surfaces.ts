import { findPython } from "../../python/environment.ts";
import type { Surface } from "./client.ts";
import { connectBinary, connectGet, connectJson, grpcWeb } from "./connect.ts";
import { grpcJs } from "./grpc-js.ts";
import { grpcNode } from "./grpc-node.ts";
import { python } from "./python.ts";
import { rest } from "./rest.ts";

/** Every way to call Parley's RPCs. CI has Python; see test/python/. */
export const surfaces: readonly Surface[] = [
  rest,
  connectJson,
  connectBinary,
  connectGet,
  grpcWeb,
  grpcNode,
  grpcJs,
  ...(findPython() !== undefined ? [python] : []),
];
