import { once } from "node:events";
import {
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  Metadata,
} from "@grpc/grpc-js";
import { bufferOf } from "../buffers.ts";
import { abortedBy } from "./abort-reason.ts";
import type { GrpcCalls } from "./grpc-calls.ts";
import { failureOf } from "./grpc-failure.ts";

/** Proves to the other side which mesh this process is of. */
export interface GrpcIdentity {
  /** Header and value; undefined where the connection itself is the proof. */
  header(): Promise<readonly [name: string, value: string] | undefined>;
}

export interface GrpcChannelDeps {
  /** host:port */
  address: string;
  credentials: ChannelCredentials;
  /** The name that the certificate must be for, where it isn't the address's. */
  serverName?: string | undefined;
  identity: GrpcIdentity;
}

/** The way to one process. */
export interface GrpcChannel extends GrpcCalls {
  /** For the standard services, which have no descriptors here. */
  readonly client: Client;
  /** Calls under way may end. */
  close(): void;
}

const options: ChannelOptions = {
  // Pages of a timeline and batches of writes are as large as their contracts let them be.
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  "grpc.max_send_message_length": -1,
  // A process that hangs, or a machine that is gone without a word, is noticed within 15 s.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 500,
  // Retries are this side's: only it knows what is safe.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc-node.flow_control_window": 1024 * 1024,
  "grpc.enable_channelz": 0,
};

export function createGrpcChannel(deps: GrpcChannelDeps): GrpcChannel {
  const { address, credentials, serverName, identity } = deps;
  const client = new Client(address, credentials, {
    ...options,
    ...(serverName && {
      "grpc.ssl_target_name_override": serverName,
      "grpc.default_authority": serverName,
    }),
  });

  async function metadataOf({ headers }: CallOptions): Promise<Metadata> {
    const metadata = new Metadata();
    new Headers(headers).forEach((value, name) => void metadata.set(name, value));
    const proof = await identity.header();
    if (proof) metadata.set(...proof);
    return metadata;
  }

  return {
    client,
    async unary(method, input, options) {
      const deadline = deadlineOf(options);
      const metadata = await metadataOf(options);
      if (options.signal?.aborted) throw abortedBy(options.signal);
      return callUnary(client, method, input, { metadata, deadline, signal: options.signal });
    },
    stream(method, input, options) {
      const deadline = deadlineOf(options);
      const open = async () => {
        const metadata = await metadataOf(options);
        return client.makeBidiStreamRequest(
          pathOf(method),
          serializer(method),
          deserializer(method),
          metadata,
          deadline === undefined ? {} : { deadline },
        );
      };
      return readStream(open, input, options.signal);
    },
    close: () => client.close(),
  };
}

interface Sent {
  metadata: Metadata;
  deadline: number | undefined;
  signal: AbortSignal | undefined;
}

function callUnary(
  client: Client,
  method: DescMethodUnary,
  input: Message,
  { metadata, deadline, signal }: Sent,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const cancel = () => call.cancel();
    const call = client.makeUnaryRequest(
      pathOf(method),
      serializer(method),
      deserializer(method),
      input,
      metadata,
      deadline === undefined ? {} : { deadline },
      (error, message) => {
        signal?.removeEventListener("abort", cancel);
        if (message === undefined) reject(failureOf(error, signal));
        else resolve(message);
      },
    );
    signal?.addEventListener("abort", cancel);
  });
}

/** Begins at once, also if nobody iterates yet. */
function readStream(
  open: () => Promise<ClientDuplexStream<Message, Message>>,
  input: AsyncIterable<Message>,
  signal: AbortSignal | undefined,
): AsyncIterable<Message> {
  const opened = open();
  // Whoever iterates is told.
  opened.catch(() => {});
  void opened.then((call) => send(call, input)).catch(() => {});
  return receive(opened, signal);
}

async function* receive(
  opened: Promise<ClientDuplexStream<Message, Message>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message> {
  const call = await opened;
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    yield* call;
  } catch (error) {
    throw failureOf(error, signal);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}

/** What the input throws ends the call; the other side hears that it is cancelled. */
async function send(
  call: ClientDuplexStream<Message, Message>,
  input: AsyncIterable<Message>,
): Promise<void> {
  // Also a stream that nobody reads may fail, and an error without a listener would end the process.
  call.on("error", () => {});
  const over = new AbortController();
  call.once("close", () => over.abort());
  const items = input[Symbol.asyncIterator]();
  call.once("close", () => void items.return?.());
  try {
    for (let next = await items.next(); !next.done; next = await items.next()) {
      if (over.signal.aborted) return;
      if (!call.write(next.value)) await once(call, "drain", { signal: over.signal });
    }
    call.end();
  } catch {
    call.cancel();
  }
}

function deadlineOf({ timeoutMs }: CallOptions): number | undefined {
  return timeoutMs === undefined || timeoutMs <= 0 ? undefined : Date.now() + timeoutMs;
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function serializer(method: DescMethod) {
  return (message: Message) => bufferOf(toBinary(method.input, message));
}

function deserializer(method: DescMethod) {
  return (bytes: Buffer) => fromBinary(method.output, bytes);
}
