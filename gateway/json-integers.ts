import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/**
 * Protobuf's JSON reader takes for an integer whatever JavaScript makes one of: other bases, spaces, leading zeros. That
 * would let one number be written in many ways, and differently on each surface.
 */

/** The name of the first integer of the message that is text and not plain decimal; undefined if there is none. */
export function laxInteger(schema: DescMessage, json: JsonValue): string | undefined {
  if (!isObject(json)) return undefined;
  for (const field of fieldsToSee(schema)) {
    const value = json[field.jsonName] ?? json[field.name];
    for (const each of Array.isArray(value) ? value : [value]) {
      const lax = each === undefined ? undefined : laxIn(field, each);
      if (lax !== undefined) return lax;
    }
  }
  return undefined;
}

function laxIn(field: DescField, value: JsonValue): string | undefined {
  const message = messageOf(field);
  if (message) return laxInteger(message, value);
  return typeof value === "string" && !/^(0|-?[1-9]\d*)$/.test(value) ? field.name : undefined;
}

/** By message: the fields that are integers or have any in them. */
const seen = new WeakMap<DescMessage, readonly DescField[]>();

function fieldsToSee(schema: DescMessage): readonly DescField[] {
  const known = seen.get(schema);
  if (known) return known;
  // A message that contains itself adds nothing.
  seen.set(schema, []);
  const fields = schema.fields.filter((field) => {
    const message = messageOf(field);
    return message ? fieldsToSee(message).length > 0 : isInteger(field);
  });
  seen.set(schema, fields);
  return fields;
}

/** Those of google.protobuf have a form of their own, no fields. */
function messageOf({ message }: DescField): DescMessage | undefined {
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
}

const integers: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.INT64,
  ScalarType.UINT64,
]);

function isInteger(field: DescField): boolean {
  if (field.fieldKind === "scalar") return integers.has(field.scalar);
  return field.fieldKind === "list" && field.listKind === "scalar" && integers.has(field.scalar);
}

function isObject(json: JsonValue): json is { [name: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
