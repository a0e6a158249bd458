import { execFileSync } from "node:child_process";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Never leaves the mesh. */
const internal = "proto/parley/internal";
/** Carries the details of every error. No contract imports it, since an Any holds them, but clients want to read it. */
const errorDetails = "third_party/google/rpc/error_details.proto";

/**
 * The buf image of the public packages, with comments and with all that they import: what `buf generate` needs to make a
 * client, without a registry. Everything foreign is marked as imported, so that it is generated only when asked for.
 */
export function buildPublicImage(): Uint8Array {
  const paths = ["--path", "proto/parley", "--path", errorDetails, "--exclude-path", internal];
  const image = fromBinary(
    FileDescriptorSetSchema,
    execFileSync("node_modules/.bin/buf", ["build", ...paths, "-o", "-#format=binpb"], {
      maxBuffer: 64 * 1024 * 1024,
    }),
  );
  for (const file of image.file) {
    if (!file.name.startsWith("parley/")) markAsImport(file);
  }
  return toBinary(FileDescriptorSetSchema, image);
}

/**
 * An image is a FileDescriptorSet whose files have one more field, the message `buf_extension = 8042`, whose field 1 is
 * `is_import`. Of a field that is written twice the last one holds.
 */
function markAsImport(file: FileDescriptorProto): void {
  const isImport = new BinaryWriter().tag(1, 0).bool(true).finish();
  file.$unknown = file.$unknown?.map((field) => {
    if (field.no !== 8042) return field;
    const extension = Buffer.concat([new BinaryReader(field.data).bytes(), isImport]);
    return { ...field, data: new BinaryWriter().bytes(extension).finish() };
  });
}
