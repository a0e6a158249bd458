import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { type FieldViolation, InvalidArgumentError } from "../services/common/errors.ts";
import { laxInteger } from "./json-integers.ts";

/** A message from its JSON, as every surface reads it. Throws InvalidArgumentError with the first fault. */
export function readJson<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  const lax = laxInteger(schema, json);
  if (lax !== undefined)
    throw new InvalidArgumentError([{ field: lax, description: "must be a decimal integer" }]);
  try {
    return fromJson(schema, json, { ignoreUnknownFields: true });
  } catch (error) {
    throw new InvalidArgumentError([violationOf(error as Error, schema, json)]);
  }
}

/**
 * What Protobuf's JSON reader found first. It names the field in its message alone:
 * "cannot decode field parley.room.v1.CreateRoomRequest.name from JSON: expected string, got 1". Of a value with a format
 * of its own it names at most the type, "cannot decode message google.protobuf.Duration from JSON: …": which field has it
 * is found by reading the fields one by one.
 */
function violationOf(error: Error, schema: DescMessage, json: JsonValue): FieldViolation {
  const [, what, name = "", description] =
    /^cannot decode (field|oneof|message|enum) (\S+?)(?: from JSON)?: (.*)$/s.exec(error.message) ?? [];
  if (description !== undefined && (what === "field" || what === "oneof")) {
    return { field: name.slice(name.lastIndexOf(".") + 1), description };
  }
  const why = description === undefined ? "" : `: ${description}`;
  return { field: faultyField(schema, json), description: `is not well-formed${why}` };
}

function faultyField(schema: DescMessage, json: JsonValue): string {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return "";
  const faulty = schema.fields.find(({ name, jsonName }) => {
    const value = json[jsonName] ?? json[name];
    return value !== undefined && !isReadable(schema, { [jsonName]: value });
  });
  return faulty?.name ?? "";
}

function isReadable(schema: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(schema, json, { ignoreUnknownFields: true });
    return true;
  } catch {
    return false;
  }
}
