import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import {
  RealtimeService,
  SubscribeRequestSchema,
  type SubscribeResponse,
} from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { RunningStack } from "../stack.ts";
import { createApi } from "./api.ts";
import { createFrameInbox, type Frame } from "./frame-inbox.ts";
import { frameJson } from "./frame-json.ts";
import type { RealtimeClient } from "./realtime-client.ts";

/** The surfaces that have Subscribe. */
export const streamTransports = {
  Connect: ({ url }: RunningStack) => createConnectTransport({ baseUrl: url }),
  "gRPC-Web": ({ url }: RunningStack) => createGrpcWebTransport({ baseUrl: url }),
  gRPC: ({ grpcUrl }: RunningStack) => createGrpcTransport({ baseUrl: grpcUrl }),
} satisfies Record<string, (stack: RunningStack) => Transport>;

export type StreamSurface = keyof typeof streamTransports;

/**
 * The same client over Subscribe. A stream has no client's side: a send and a ping go by REST and are answered as their
 * frames would be, everything else that is asked over a connection itself is not there.
 */
export async function subscribe(
  stack: RunningStack,
  accessToken: string,
  options: { surface: StreamSurface; hello?: object },
): Promise<RealtimeClient> {
  const inbox = createFrameInbox();
  const leaving = new AbortController();
  const realtime = createClient(RealtimeService, streamTransports[options.surface](stack));
  const responses = realtime.subscribe(fromJson(SubscribeRequestSchema, (options.hello ?? {}) as JsonValue), {
    headers: { authorization: `Bearer ${accessToken}` },
    signal: leaving.signal,
  });
  let failure: unknown;
  let reading = Promise.resolve();
  let resume = () => {};

  async function read(items: AsyncIterable<SubscribeResponse>): Promise<void> {
    for await (const { frame } of items) {
      if (frame) inbox.receive(frameJson(frame));
      await reading;
    }
  }
  const closed = read(responses)
    .catch((error: unknown) => {
      failure = error;
    })
    .then(() => {
      inbox.end();
      // Without a goodbye it is as if the connection had been lost.
      const goodbye = inbox.frames.at(-1)?.goodbye;
      return goodbye ? { code: goodbye.code, reason: goodbye.reason } : { code: 1006, reason: "" };
    });
  await inbox
    .next((frame) => frame.ready, "ready")
    .catch((error: unknown) => {
      throw failure ?? error;
    });

  const absent = () => {
    throw new Error("a stream has no client's side");
  };
  return {
    ...inbox,
    closed,
    send: absent,
    sendRaw: absent,
    request: (frame) => requestByRest(stack, accessToken, frame),
    pause() {
      reading = new Promise((resolve) => {
        resume = resolve;
      });
    },
    resume: () => resume(),
    close: () => leaving.abort(),
    drop: () => leaving.abort(),
  };
}

async function requestByRest(stack: RunningStack, token: string, { send, ping }: Frame): Promise<Frame> {
  const api = createApi(stack.url);
  if (ping) {
    const { status, body } = await api.call("GET", "/v1/users/me", { token });
    return status === 200 ? { pong: {} } : { error: body };
  }
  if (!send) throw new Error("a stream has no client's side");
  const { roomId, ...content } = send;
  const { status, body } = await api.call("POST", `/v1/rooms/${roomId}/messages`, { token, body: content });
  if (status !== 200) return { error: body };
  const { message, replayed } = body;
  return { ack: { roomId, seq: message.seq, at: message.sentAt, replayed } };
}
