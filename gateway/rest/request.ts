import {
  type DescField,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { InvalidArgumentError } from "../../services/common/errors.ts";
import { readJson } from "../json-fault.ts";
import type { Binding } from "./bindings.ts";

/** The request message of a binding from path, query and body. Throws InvalidArgumentError with the first fault. */
export function decodeRequest(
  binding: Binding,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, unknown>>,
  body: JsonValue | undefined,
): Message {
  const json: JsonObject = binding.hasBody ? bodyOf(body) : queryOf(binding, query);
  for (const field of binding.pathFields) {
    delete json[field.name];
    json[field.jsonName] = textValue(field, params[field.name] ?? "");
  }
  return readJson(binding.method.input, json);
}

function bodyOf(body: JsonValue | undefined): JsonObject {
  if (body === undefined) return {};
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  throw new InvalidArgumentError([{ field: "", description: "the body must be a JSON object" }]);
}

/** Values that name no field are ignored, empty ones are absent. */
function queryOf(binding: Binding, query: Readonly<Record<string, unknown>>): JsonObject {
  const json: JsonObject = {};
  for (const field of binding.method.input.fields) {
    const value = query[field.jsonName] ?? query[field.name];
    if (value === undefined || value === "") continue;
    json[field.jsonName] = queryValue(field, value as string | string[]);
  }
  return json;
}

/** Protobuf JSON takes numbers and enums as strings; lists and booleans need a hand. */
function queryValue(field: DescField, value: string | string[]): JsonValue {
  if (field.fieldKind === "list") return Array.isArray(value) ? value : [value];
  if (Array.isArray(value)) {
    throw new InvalidArgumentError([{ field: field.name, description: "must be given once" }]);
  }
  return textValue(field, value);
}

function textValue(field: DescField, value: string): JsonValue {
  const isBool = field.fieldKind === "scalar" && field.scalar === ScalarType.BOOL;
  return isBool && /^(true|false)$/.test(value) ? value === "true" : value;
}
