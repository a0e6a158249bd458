import type { DescField, JsonObject } from "@bufbuild/protobuf";
import type { Binding } from "../../rest/bindings.ts";
import { securityOf } from "./access.ts";
import type { Comments } from "./comments.ts";
import { type Errors, headersOf } from "./errors.ts";
import { exampleOf, exampleValue } from "./examples.ts";
import { markdownOf, summaryOf } from "./markdown.ts";
import { reasonsOf } from "./reasons.ts";
import type { Schemas } from "./schemas.ts";

export interface OperationDeps {
  comments: Comments;
  schemas: Schemas;
  errors: Errors;
}

/** The path as OpenAPI writes it, with JSON names. */
export function pathOf({ template, pathFields }: Binding): string {
  return template.replace(
    /\{(\w+)\}/g,
    (_, name: string) => `{${pathFields.find((field) => field.name === name)?.jsonName}}`,
  );
}

/** One RPC's way by HTTP, as an OpenAPI operation. */
export function operationOf(binding: Binding, deps: OperationDeps): JsonObject {
  const { method, pathFields, hasBody } = binding;
  const others = method.input.fields.filter((field) => !pathFields.includes(field));
  const description = markdownOf(deps.comments(method));
  const summary = summaryOf(description);
  return {
    operationId: method.localName,
    tags: [method.parent.name],
    summary,
    ...(description.length > summary.length + 1 && { description }),
    ...(method.proto.options?.deprecated && { deprecated: true }),
    security: securityOf(method),
    parameters: [
      ...pathFields.map((field) => parameterOf("path", field, deps.schemas)),
      ...(hasBody ? [] : others.map((field) => parameterOf("query", field, deps.schemas))),
    ],
    ...(hasBody && others.length > 0 && { requestBody: bodyOf(binding, others, deps.schemas) }),
    responses: {
      "200": {
        description: markdownOf(deps.comments(method.output)),
        headers: headersOf(200),
        content: {
          "application/json": {
            schema: deps.schemas.answer(method.output),
            example: exampleOf(method.output.fields),
          },
        },
      },
      ...deps.errors.responses(reasonsOf(binding, deps.comments)),
    },
  };
}

/** Only what has to be given has an example: pages that try calls fill it in. */
function parameterOf(where: "path" | "query", field: DescField, schemas: Schemas): JsonObject {
  const { description = "", ...schema } = schemas.field(field);
  const required = where === "path" || schemas.isRequired(field);
  return {
    name: field.jsonName,
    in: where,
    required,
    description,
    schema,
    ...(required && { example: exampleValue(field) }),
  };
}

function bodyOf({ method }: Binding, fields: readonly DescField[], schemas: Schemas): JsonObject {
  const required = fields.some((field) => schemas.isRequired(field) || field.oneof);
  return {
    description: "At most 128 KiB.",
    required,
    content: {
      "application/json": { schema: schemas.body(method.input, fields), example: exampleOf(fields) },
    },
  };
}
