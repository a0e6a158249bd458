import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "#gen/google/rpc/error_details_pb.js";
import { bufferOf } from "../buffers.ts";

type ReflectionHandler = (call: ServerDuplexStream<unknown, unknown>) => void;

/**
 * The reflection service, v1 and v1alpha, by which tools find out what a server offers: the services, and the files
 * that they stand on. The descriptors lack the contract's own options (REST paths, rules), which the library drops.
 */
export function createGrpcReflection(services: readonly DescService[]) {
  const files = new Map<string, Buffer>();
  const add = (file: DescFile) => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, bufferOf(toBinary(FileDescriptorProtoSchema, file.proto)));
    file.dependencies.forEach(add);
  };
  for (const { file } of services) add(file);
  // No contract imports what the details of errors are, since an Any holds them; tools look them up by name.
  add(file_google_rpc_error_details);
  const reflection = new ReflectionService({
    files: {
      format: "Protocol Buffer 3 DescriptorProto",
      type: {},
      fileDescriptorProtos: [...files.values()],
    },
  });
  return { addToServer: (server: Server) => reflection.addToServer(withBackPressure(server)) };
}

/** The library answers requests as fast as they come, whether or not anybody reads the answers. */
function withBackPressure(server: Server): Server {
  const addService = (definition: ServiceDefinition, handlers: UntypedServiceImplementation) => {
    const paced = Object.entries(handlers).map(([name, handler]) => [
      name,
      pace(handler as ReflectionHandler),
    ]);
    server.addService(definition, Object.fromEntries(paced));
  };
  return { addService } as unknown as Server;
}

function pace(handler: ReflectionHandler): ReflectionHandler {
  return (call) => {
    const write = call.write.bind(call) as (answer: unknown) => boolean;
    call.write = (answer: unknown) => {
      const isRead = write(answer);
      if (!isRead) {
        call.pause();
        call.once("drain", () => call.resume());
      }
      return isRead;
    };
    handler(call);
  };
}
