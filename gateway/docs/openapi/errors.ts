import type { DescEnum, FileRegistry, JsonObject } from "@bufbuild/protobuf";
import { type ErrorReason, errorKinds, kindCodes } from "../../../services/common/error-reasons.ts";
import type { Comments } from "./comments.ts";
import { describeReason, statusOf } from "./reasons.ts";
import type { Schemas } from "./schemas.ts";

/** The error answers of operations. */
export interface Errors {
  /** One response for each HTTP status that these reasons have. */
  responses(reasons: readonly ErrorReason[]): Record<string, JsonObject>;
  /** What the responses refer to. */
  readonly components: {
    readonly responses: JsonObject;
    readonly examples: JsonObject;
    readonly headers: JsonObject;
  };
}

interface ErrorDeps {
  registry: FileRegistry;
  comments: Comments;
  schemas: Schemas;
}

export function createErrors({ registry, comments, schemas }: ErrorDeps): Errors {
  const reasonEnum = registry.getEnum("parley.error.v1.ErrorReason") as DescEnum;
  const examples: JsonObject = {};
  const responses: JsonObject = {};
  schemas.components.Error = errorSchema(registry, schemas);

  function response(reasons: readonly ErrorReason[]): JsonObject {
    const lines = reasons.map((each) => `- \`${each}\`: ${describeReason(each, reasonEnum, comments)}`);
    for (const each of reasons) examples[each] ??= { value: exampleError(each) };
    return {
      description: lines.join("\n"),
      headers: headersOf(statusOf(reasons[0] as ErrorReason)),
      content: {
        "application/json": {
          schema: { $ref: "#/components/schemas/Error" },
          examples: Object.fromEntries(
            reasons.map((each) => [each, { $ref: `#/components/examples/${each}` }]),
          ),
        },
      },
      "x-reasons": [...reasons],
    };
  }

  /** Most operations have the same ones: they are there once. */
  function reference(reasons: readonly ErrorReason[]): JsonObject {
    const name = reasons.join(".");
    responses[name] ??= response(reasons);
    return { $ref: `#/components/responses/${name}` };
  }

  return {
    responses(reasons) {
      const byStatus = Map.groupBy(reasons, statusOf);
      const sorted = [...byStatus].sort(([a], [b]) => a - b);
      return Object.fromEntries(sorted.map(([status, each]) => [String(status), reference(each)]));
    },
    components: { responses, examples, headers },
  };
}

/** google.rpc.Status, with the kinds of details that Parley gives. */
function errorSchema(registry: FileRegistry, schemas: Schemas): JsonObject {
  const detail = (name: string) => {
    const typeName = `google.rpc.${name}`;
    const message = registry.getMessage(typeName);
    if (!message) throw new Error(`the image lacks ${typeName}`);
    schemas.answer(message);
    const schema = schemas.components[name] as JsonObject;
    schema.properties = {
      "@type": { const: `type.googleapis.com/${typeName}` },
      ...(schema.properties as JsonObject),
    };
    schema.required = ["@type", ...((schema.required ?? []) as string[])];
    return { $ref: `#/components/schemas/${name}` };
  };
  return {
    type: "object",
    description: "A `google.rpc.Status`, as any Protobuf client reads it.",
    properties: {
      code: { type: "integer", format: "int32", description: "The `google.rpc.Code`." },
      message: { type: "string", description: "For people; it may change. Programs read the reason." },
      details: {
        type: "array",
        description:
          "An `ErrorInfo`, whose reason is stable, and where it helps a `BadRequest` or `RetryInfo`.",
        items: { oneOf: [detail("ErrorInfo"), detail("BadRequest"), detail("RetryInfo")] },
      },
    },
    required: ["code", "message", "details"],
  };
}

function exampleError(reason: ErrorReason): JsonObject {
  const type = (name: string) => ({ "@type": `type.googleapis.com/google.rpc.${name}` });
  const details: JsonObject[] = [{ ...type("ErrorInfo"), reason, domain: "parley", metadata: {} }];
  let message = reason.toLowerCase().replaceAll("_", " ");
  if (reason === "INVALID_ARGUMENT") {
    const violation = { field: "text", description: "must be 1 to 8000 characters" };
    message = `${violation.field}: ${violation.description}`;
    details.push({
      ...type("BadRequest"),
      fieldViolations: [{ ...violation, reason: "" }],
    });
  }
  if (reason === "RATE_LIMITED" || reason === "OVERLOADED") {
    details.push({ ...type("RetryInfo"), retryDelay: "1.500s" });
  }
  return { code: kindCodes[errorKinds[reason]], message, details };
}

const headers: JsonObject = {
  RequestId: {
    description: "Names the request in the server's log.",
    schema: { type: "string" },
  },
  RetryAfter: {
    description: "In how many seconds it makes sense to try again.",
    schema: { type: "integer", minimum: 1 },
  },
  WwwAuthenticate: { description: "What is wanted.", schema: { const: "Bearer" } },
};

/** What every answer of this status carries besides its body. */
export function headersOf(status: number): JsonObject {
  const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
  return {
    "x-request-id": header("RequestId"),
    ...(status === 401 && { "www-authenticate": header("WwwAuthenticate") }),
    ...((status === 429 || status === 503) && { "retry-after": header("RetryAfter") }),
  };
}
