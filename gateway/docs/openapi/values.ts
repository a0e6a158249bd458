import { type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";

/** How Protobuf JSON writes a scalar: 64-bit numbers as strings, since JavaScript's have 53 bits. */
export function scalarSchema(type: ScalarType): JsonObject {
  switch (type) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0 };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", format: "int64", pattern: "^(0|-?[1-9][0-9]*)$" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64", pattern: "^(0|[1-9][0-9]*)$" };
  }
}

/** Messages that Protobuf JSON writes as one value; undefined for those that it writes as objects. */
export function wellKnownSchema({ typeName }: DescMessage): JsonObject | undefined {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    case "google.protobuf.Duration":
      return { type: "string", pattern: "^-?(0|[1-9][0-9]*)(\\.[0-9]{1,9})?s$" };
    default:
      if (typeName.startsWith("google.protobuf.")) throw new Error(`the document can't say ${typeName}`);
      return undefined;
  }
}
