import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ClientFrame, ClientFrameSchema, type ServerFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import type { ParleyError } from "./errors.ts";

export type ClientKind = NonNullable<MessageInitShape<typeof ClientFrameSchema>["kind"]>;

export function clientFrame(kind: ClientKind, ref?: string): ClientFrame {
  return create(ClientFrameSchema, ref === undefined ? { kind } : { kind, ref });
}

/** What a connection says first, without the token. */
export interface Greeting {
  readonly rooms: { readonly roomId: string; readonly afterSeq: bigint }[];
  readonly feedAfterSeq?: bigint;
  readonly epoch?: string;
}

/** More rooms would make a hello too large: those that follow are named by `resume`, where there is one. */
export const roomsInHello = 1_000;

/** One realtime connection to the server, whatever carries it. */
export interface Link {
  readonly transport: "websocket" | "subscribe";
  /** Whether frames can be sent by it. */
  readonly isTwoWay: boolean;
  send(frame: ClientFrame): void;
  /** Ends it; `onEnd` isn't called any more. */
  close(): void;
}

export interface LinkHandlers {
  onFrame(frame: ServerFrame): void;
  /** It ended, once, by itself. */
  onEnd(error: ParleyError): void;
}

/** Begins to connect. The greeting names at most `roomsInHello` rooms. */
export type OpenLink = (greeting: Greeting, accessToken: string, handlers: LinkHandlers) => Link;
