import { readFileSync } from "node:fs";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The public contracts as a buf image: what the generated code has, and the comments. */
export function readImage(): Buffer {
  return readFileSync(new URL(import.meta.resolve("#gen/parley.binpb")));
}

export function registryOf(image: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
}
