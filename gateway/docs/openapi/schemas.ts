import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  type JsonObject,
} from "@bufbuild/protobuf";
import { oneof as oneofOption } from "#gen/buf/validate/validate_pb.js";
import type { Comments } from "./comments.ts";
import { markdownOf } from "./markdown.ts";
import { constraintsOf, isListWithItems } from "./rules.ts";
import { scalarSchema, wellKnownSchema } from "./values.ts";

/** JSON Schemas of messages, as Protobuf JSON writes them with fields at their default written too. */
export interface Schemas {
  /** A reference to the schema of a message that the server sends. */
  answer(message: DescMessage): JsonObject;
  /** A reference to the schema of a request's body, which has these of its fields. */
  body(request: DescMessage, fields: readonly DescField[]): JsonObject;
  /** The schema of a field's value, with its comment. */
  field(field: DescField): JsonObject;
  /** Whether a request has to have the field. */
  isRequired(field: DescField): boolean;
  /** What the references point to, by name. */
  readonly components: Record<string, JsonObject>;
}

export function createSchemas(comments: Comments): Schemas {
  const components: Record<string, JsonObject> = {};
  const owners = new Map<string, DescMessage | DescEnum>();

  /** References it by its short name, which reads better in generated code than one with its package. */
  function component(desc: DescMessage | DescEnum, build: () => JsonObject): JsonObject {
    const owner = owners.get(desc.name);
    if (owner && owner !== desc) throw new Error(`${owner} and ${desc} have the same name`);
    if (!owner) {
      owners.set(desc.name, desc);
      components[desc.name] = {};
      components[desc.name] = build();
    }
    return { $ref: `#/components/schemas/${desc.name}` };
  }

  function objectOf(
    desc: DescMessage,
    fields: readonly DescField[],
    isRequired: (field: DescField) => boolean,
  ) {
    const required = fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const oneofs = desc.oneofs.map(choiceOf);
    return {
      type: "object",
      ...described(comments(desc)),
      properties: Object.fromEntries(fields.map((each) => [each.jsonName, field(each)])),
      ...(required.length > 0 && { required }),
      ...(oneofs.length === 1 ? oneofs[0] : oneofs.length > 1 && { allOf: oneofs }),
    };
  }

  function field(desc: DescField): JsonObject {
    const { keywords, words } = constraintsOf(desc);
    const comment = comments(desc);
    return {
      ...typeOf(desc),
      ...keywords,
      ...described(words ? `${comment} ${words}` : comment),
      ...(desc.proto.options?.deprecated && { deprecated: true }),
    };
  }

  function typeOf(desc: DescField): JsonObject {
    switch (desc.fieldKind) {
      case "scalar":
        return scalarSchema(desc.scalar);
      case "enum":
        return enumOf(desc.enum);
      case "message":
        return messageOf(desc.message);
      case "list":
        return { type: "array", items: elementOf(desc) };
      case "map":
        return { type: "object", additionalProperties: elementOf(desc) };
    }
  }

  function elementOf(desc: DescField & { fieldKind: "list" | "map" }): JsonObject {
    if (desc.message) return messageOf(desc.message);
    return desc.enum ? enumOf(desc.enum) : scalarSchema(desc.scalar);
  }

  function messageOf(desc: DescMessage): JsonObject {
    return wellKnownSchema(desc) ?? component(desc, () => objectOf(desc, desc.fields, isAlwaysSent));
  }

  function enumOf(desc: DescEnum): JsonObject {
    const values = desc.values.filter(({ number }) => number !== 0);
    const lines = values.map((value) => `- \`${value.name}\`: ${markdownOf(comments(value))}`);
    return component(desc, () => ({
      type: "string",
      description: `${markdownOf(comments(desc))}\n\n${lines.join("\n")}`,
      enum: values.map(({ name }) => name),
    }));
  }

  /** Only what is `optional` may be absent, and messages, which have no `optional`: ours where their comment says so. */
  function isAlwaysSent(desc: DescField): boolean {
    if (desc.oneof || desc.proto.proto3Optional) return false;
    if (desc.fieldKind !== "message") return true;
    return desc.parent.typeName.startsWith("parley.") && !/\babsent\b/.test(comments(desc));
  }

  function isRequired(desc: DescField): boolean {
    return desc.fieldKind === "list" ? isListWithItems(desc) : isAlwaysSent(desc);
  }

  return {
    answer: messageOf,
    body: (request, fields) => component(request, () => objectOf(request, fields, isRequired)),
    field,
    isRequired,
    components,
  };
}

/** At most one of the fields, and exactly one where the rules say so. */
function choiceOf(oneof: DescOneof): JsonObject {
  const each = oneof.fields.map(({ jsonName }) => ({ required: [jsonName] }));
  const none = { properties: Object.fromEntries(oneof.fields.map(({ jsonName }) => [jsonName, false])) };
  return { oneOf: getOption(oneof, oneofOption).required ? each : [...each, none] };
}

function described(comment: string): JsonObject {
  return comment === "" ? {} : { description: markdownOf(comment) };
}
