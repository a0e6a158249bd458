import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  hasOption,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { field, oneof } from "#gen/buf/validate/validate_pb.js";
import { ErrorReasonSchema } from "#gen/parley/error/v1/error_reason_pb.js";
import type { Method } from "../clients/client.ts";

/** What the published contracts promise of each RPC, for a suite to hold itself against. */
export interface Promises {
  /** Full names of all public RPCs: `parley.room.v1.RoomService.GetRoom`. */
  readonly methods: readonly string[];
  /** The reasons for refusal that an RPC's comment names. */
  reasonsOf(method: string): string[];
}

export function readPromises(image: Uint8Array): Promises {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const reasons = ErrorReasonSchema.values.map(({ name }) => name.replace("ERROR_REASON_", ""));
  const methods = new Map([...allMethods(registry)].map((method) => [fullNameOf(method), method]));
  return {
    methods: [...methods.keys()],
    reasonsOf(name) {
      const words = new Set(commentOf(methods.get(name) as DescMethod).match(/\b[A-Z][A-Z_]+\b/g));
      return reasons.filter((reason) => words.has(reason));
    },
  };
}

export function fullNameOf(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** Fields of the request that have rules, and oneofs that have; by name. */
export function ruledFieldsOf({ input }: Method): string[] {
  return [
    ...input.fields.filter((each) => hasOption(each, field)).map(({ name }) => name),
    ...input.oneofs.filter((each) => hasOption(each, oneof)).map(({ name }) => name),
  ];
}

function* allMethods(registry: FileRegistry): Iterable<DescMethod> {
  for (const each of registry) if (each.kind === "service") yield* each.methods;
}

function commentOf({ parent, name }: DescMethod): string {
  const { proto } = parent.file;
  const service = proto.service.findIndex((each) => each.name === parent.name);
  const path = [6, service, 2, proto.service[service]?.method.findIndex((each) => each.name === name)];
  const location = proto.sourceCodeInfo?.location.find((each) => each.path.join() === path.join());
  return location?.leadingComments ?? "";
}
