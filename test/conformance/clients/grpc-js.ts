import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { type Answer, badAnswer, goodAnswer, undecodableBytes } from "./answer.ts";
import { type Call, type CallClient, type Method, messageOf, type Surface } from "./client.ts";

/** grpc-js on its own, as a service in Node would use it. */
export const grpcJs: Surface = {
  name: "gRPC, grpc-js",
  connect: async ({ grpcUrl }) => createGrpcJsClient(new URL(grpcUrl).host),
};

function createGrpcJsClient(target: string): CallClient {
  const client = new Client(target, credentials.createInsecure());

  async function call({ method, request, token, timeoutMs, undecodable }: Call): Promise<Answer | undefined> {
    const message = messageOf(method, request);
    if (message === undefined) return undefined;
    const bytes = undecodable ? undecodableBytes : toBinary(method.input, message);
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const path = `/${method.parent.typeName}/${method.name}`;
    const decode = (answer: Buffer) => fromBinary(method.output, answer);
    return method.methodKind === "unary"
      ? unaryAnswer(method, (done) =>
          client.makeUnaryRequest(path, Buffer.from, decode, bytes, metadata, options, done),
        )
      : firstAnswer(
          method,
          client.makeServerStreamRequest(path, Buffer.from, decode, bytes, metadata, options),
        );
  }
  return { call, close: async () => client.close() };
}

type Done = (error: ServiceError | null, message?: Message) => void;

function unaryAnswer(method: Method, start: (done: Done) => ClientUnaryCall): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = new Headers();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const call = start((error, message) => {
    if (message) ended.then(() => resolve(goodAnswer(method, message, headers)));
    else if (error) refusalOf(error, headers).then(resolve, reject);
  });
  call.on("metadata", (metadata: Metadata) => collect(headers, metadata));
  call.on("status", ({ metadata }: { metadata: Metadata }) => {
    collect(headers, metadata);
    end();
  });
  return promise;
}

async function firstAnswer(method: Method, stream: ClientReadableStream<Message>): Promise<Answer> {
  const headers = new Headers();
  stream.on("metadata", (metadata: Metadata) => collect(headers, metadata));
  try {
    for await (const first of stream) return goodAnswer(method, first as Message, headers);
  } catch (error) {
    return refusalOf(error as ServiceError, headers);
  } finally {
    stream.cancel();
    // What a cancelled stream says of it is nobody's concern, and ends the process if nobody listens.
    stream.on("error", () => {});
  }
  throw new Error("the stream ended without a message");
}

/** Rethrows what no server said: a fault of the connection or of ours. */
async function refusalOf(error: ServiceError, headers: Headers): Promise<Answer> {
  const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!Buffer.isBuffer(details)) throw error;
  collect(headers, error.metadata);
  const status = fromBinary(StatusSchema, details);
  if (status.code !== error.code || status.message !== error.details)
    throw new Error(
      `the status says ${error.code} ${error.details}, its details ${status.code} ${status.message}`,
    );
  return badAnswer(status, headers);
}

function collect(headers: Headers, metadata: Metadata): void {
  for (const [name, value] of Object.entries(metadata.getMap()))
    if (typeof value === "string") headers.set(name, value);
}
