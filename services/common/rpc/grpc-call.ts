import type { EventEmitter } from "node:events";
import type {
  Metadata,
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
  ServerUnaryCall,
} from "@grpc/grpc-js";
import { DeadlineExceededError } from "../errors.ts";
import { newId } from "../ids.ts";
import { requestIdHeader } from "./caller.ts";
import { completeStatus } from "./grpc-status.ts";

/** What all kinds of calls have in common. */
export type AnyServerCall = Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getPeer" | "getDeadline"> &
  Pick<EventEmitter, "once">;

/** What is known of a call besides its message. */
export interface GrpcCall {
  /** Names the call in logs; the client is told it too. */
  readonly requestId: string;
  /** The network address at the other end of the connection. */
  readonly peer: string;
  /** Aborts when the caller is gone or its deadline has passed; at the latest when the call is answered. */
  readonly signal: AbortSignal;
  /** How long the caller still waits, in ms; undefined if it did not say. */
  readonly timeoutMs: number | undefined;
  /** A header that came with the call. */
  header(name: string): string | undefined;
}

/**
 * Gives every call an id, unless its caller gave one and may, and every answer what the API promises of it, whoever
 * makes the answer: the handler, or grpc-js, which ends calls by itself as well and asks nobody.
 */
export function identifyCall(
  call: ServerInterceptingCallInterface,
  keepsId: boolean,
): ServerInterceptingCall {
  let requestId = newId();
  const start = call.start.bind(call);
  const sendMetadata = call.sendMetadata.bind(call);
  const sendStatus = call.sendStatus.bind(call);
  Object.assign(call, {
    start(listener: Parameters<typeof start>[0]) {
      start({
        onReceiveMetadata(metadata: Metadata) {
          const [given] = keepsId ? metadata.get(requestIdHeader) : [];
          if (typeof given === "string") requestId = given;
          else metadata.set(requestIdHeader, requestId);
          listener.onReceiveMetadata(metadata);
        },
        onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        onCancel: () => listener.onCancel(),
      });
    },
    sendMetadata(metadata: Metadata) {
      metadata.set(requestIdHeader, requestId);
      sendMetadata(metadata);
    },
    sendStatus: (status: Parameters<typeof sendStatus>[0]) => sendStatus(completeStatus(status, requestId)),
  });
  // The type names the class of one implementation, where any will do.
  return call as ServerInterceptingCall;
}

/** What a handler may know of its call. */
export function grpcCallOf(call: AnyServerCall): GrpcCall {
  const gone = new AbortController();
  const deadline = Number(call.getDeadline());
  // Comes at the end of every call, answered or not.
  call.once("cancelled", () => gone.abort(Date.now() >= deadline ? new DeadlineExceededError() : undefined));
  return {
    requestId: headerOf(call, requestIdHeader) ?? "",
    peer: addressOf(call.getPeer()),
    signal: gone.signal,
    timeoutMs: Number.isFinite(deadline) ? deadline - Date.now() : undefined,
    header: (name) => headerOf(call, name),
  };
}

function headerOf({ metadata }: AnyServerCall, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value?.toString();
}

/** "127.0.0.1:4711" and "::1:4711" less the port. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, "");
}
