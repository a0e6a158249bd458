/**
 * Puts the foreign .proto files that the contracts import where buf finds them. They come from npm packages, so nothing
 * foreign is committed and no schema registry is needed: google/api and google/rpc as files, buf/validate printed from
 * the descriptor in @bufbuild/protovalidate, which carries no .proto file.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProtoFile } from "./print-proto-file.ts";

const files = [
  "google/api/annotations.proto",
  "google/api/http.proto",
  "google/rpc/error_details.proto",
  "google/rpc/status.proto",
];

export function writeThirdPartyProtos(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const source = dirname(createRequire(import.meta.url).resolve("google-proto-files/package.json"));
  for (const file of files) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    copyFileSync(join(source, file), join(folder, file));
  }
  mkdirSync(join(folder, "buf/validate"), { recursive: true });
  writeFileSync(
    join(folder, "buf/validate/validate.proto"),
    printProtoFile(file_buf_validate_validate.proto),
  );
}
