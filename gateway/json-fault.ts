import type { DescMessage } from "@bufbuild/protobuf";
import type { FieldViolation } from "../services/common/errors.ts";

/**
 * What Protobuf's JSON reader found first. It names the field in its message alone:
 * "cannot decode field parley.room.v1.CreateRoomRequest.name from JSON: expected string, got 1". Of a value with a format
 * of its own it names the type, "cannot decode message google.protobuf.Duration from JSON: …": `schema` tells which
 * field has it.
 */
export function violationOf(error: Error, schema: DescMessage): FieldViolation {
  const [, what = "", name = "", description = error.message] =
    /^cannot decode (field|oneof|message) (\S+?)(?: from JSON)?: (.*)$/s.exec(error.message) ?? [];
  if (what !== "message") return { field: name.slice(name.lastIndexOf(".") + 1), description };
  const field = schema.fields.find((each) => each.fieldKind === "message" && each.message.typeName === name);
  return { field: field?.name ?? "", description: `is not well-formed: ${description}` };
}
