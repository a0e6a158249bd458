import type { FieldViolation } from "../services/common/errors.ts";

/**
 * What Protobuf's JSON reader found first. It names the field in its message alone:
 * "cannot decode field parley.room.v1.CreateRoomRequest.name from JSON: expected string, got 1".
 */
export function violationOf(error: Error): FieldViolation {
  const [, name = "", why = error.message] =
    /^cannot decode (?:field|oneof|message|value for enum) (\S+?)(?: from JSON)?: (.*)$/s.exec(
      error.message,
    ) ?? [];
  return { field: name.slice(name.lastIndexOf(".") + 1), description: why };
}
