import {
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  type Message,
} from "@bufbuild/protobuf";
import type { RunningStack } from "../../stack.ts";
import type { Answer } from "./answer.ts";

/** A public RPC: one message goes in. */
export type Method = DescMethodUnary | DescMethodStreaming;

export interface Call {
  readonly method: Method;
  /** The request message, in Protobuf JSON. */
  readonly request: JsonObject;
  readonly token?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** Send bytes or text that are no such message instead of it. */
  readonly undecodable?: boolean;
}

/** A program that uses Parley's RPCs through one of its surfaces, with that surface's own tools. */
export interface CallClient {
  /**
   * Calls, and puts the answer as REST would give it. A stream's answer is its first message, after which it is left.
   * Undefined for what can't be said through this surface at all.
   */
  call(call: Call): Promise<Answer | undefined>;
  close(): Promise<void>;
}

/** A way to call Parley. */
export interface Surface {
  /** As in the names of tests: "gRPC, grpc-js". */
  readonly name: string;
  connect(stack: RunningStack): Promise<CallClient>;
}

/** The request as a message; undefined if its JSON holds what no typed client could put into one. */
export function messageOf(method: DescMethod, request: JsonObject): Message | undefined {
  if (!JSON.stringify(request).isWellFormed() || hasLoneSurrogate(request)) return undefined;
  try {
    return fromJson(method.input, request, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}

/** JSON.stringify escapes them. */
function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === "string") return !value.isWellFormed();
  return typeof value === "object" && value !== null && Object.values(value).some(hasLoneSurrogate);
}
