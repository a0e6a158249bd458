import {
  create,
  createRegistry,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";

type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

export interface GrpcCallOptions extends CallOptions {
  token?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface GrpcAnswer<M> {
  readonly message: M;
  readonly headers: Metadata;
}

/** A grpc-js client as any other program has one, but for the descriptors. */
export interface GrpcClient extends Disposable {
  readonly channel: Client;
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    input: MessageInitShape<I> | Buffer,
    options?: GrpcCallOptions,
  ): Promise<GrpcAnswer<MessageShape<O>>>;
}

export function createGrpcClient(
  url: string,
  options: ChannelOptions = {},
  secure: ChannelCredentials = credentials.createInsecure(),
): GrpcClient {
  const channel = new Client(new URL(url).host, secure, options);
  return {
    channel,
    unary: (method, input, callOptions) => callUnary(channel, method, input, callOptions),
    [Symbol.dispose]: () => channel.close(),
  };
}

/** A Buffer goes out as it is, whether or not it is a message. */
function callUnary<I extends DescMessage, O extends DescMessage>(
  channel: Client,
  method: Method<I, O>,
  input: MessageInitShape<I> | Buffer,
  options: GrpcCallOptions = {},
): Promise<GrpcAnswer<MessageShape<O>>> {
  const { promise, resolve, reject } = Promise.withResolvers<GrpcAnswer<MessageShape<O>>>();
  let headers = new Metadata();
  const call = channel.makeUnaryRequest(
    `/${method.parent.typeName}/${method.name}`,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => fromBinary(method.output, bytes),
    Buffer.isBuffer(input)
      ? input
      : Buffer.from(toBinary(method.input, create(method.input, input as MessageInitShape<I>))),
    metadataOf(options),
    options,
    (error, message) => (error ? reject(error) : resolve({ message: message as MessageShape<O>, headers })),
  );
  call.on("metadata", (received) => {
    headers = received;
  });
  options.signal?.addEventListener("abort", () => call.cancel());
  return promise;
}

export function metadataOf({ token, headers = {} }: GrpcCallOptions): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

const details = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/** What a failed call says. */
export interface GrpcFault {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly fields: readonly string[];
  readonly requestId: string | undefined;
}

/** Waits for the call to fail. */
export async function faultOf(call: Promise<unknown>): Promise<GrpcFault> {
  const error = await call.then(
    () => {
      throw new Error("the call did not fail");
    },
    (failure: ServiceError) => failure,
  );
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const status = Buffer.isBuffer(bytes) ? fromBinary(StatusSchema, bytes) : undefined;
  const unpacked = (status?.details ?? []).map((any) => anyUnpack(any, details));
  const info = unpacked.find((each) => each?.$typeName === ErrorInfoSchema.typeName) as
    | MessageShape<typeof ErrorInfoSchema>
    | undefined;
  const bad = unpacked.find((each) => each?.$typeName === BadRequestSchema.typeName) as
    | MessageShape<typeof BadRequestSchema>
    | undefined;
  return {
    code: error.code,
    message: error.details,
    reason: info?.reason,
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
    requestId: error.metadata.get("x-request-id")[0]?.toString(),
  };
}
