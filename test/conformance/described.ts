/**
 * Holds the answers that the suites get against the OpenAPI document: what an operation doesn't describe, be it a field, a
 * status or a reason, is a fault.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { readImage, registryOf } from "../../gateway/docs/image.ts";
import { createOpenApi } from "../../gateway/docs/openapi/document.ts";
import { publicServices } from "../../gateway/services.ts";

interface Operation {
  operationId: string;
  responses: Record<string, { $ref?: string } & Response>;
}

interface Response {
  content?: Record<string, { schema?: JsonObject }>;
  "x-reasons"?: string[];
}

interface Document extends JsonObject {
  paths: Record<string, JsonObject> & JsonObject;
  components: Record<string, JsonObject> & JsonObject;
}

/** Clients ignore fields that they don't know; to the suites one that is not described is a fault. */
const document = closed(
  createOpenApi({ registry: registryOf(readImage()), services: publicServices, version: "0.0.0" }),
) as Document;
/** The most literal path first, since `/v1/users/me` is no user and `x:leave` no room. */
const paths = Object.entries(document.paths)
  .map(([template, operations]) => ({
    pattern: patternOf(template),
    literal: template.replace(/\{\w+\}/g, "").length,
    operations,
  }))
  .sort((a, b) => b.literal - a.literal);

const ajv = createAjv();
const validators = new Map<string, ValidateFunction>();

/** Throws if the document doesn't describe what this request was answered with. */
export function assertDescribed(verb: string, path: string, answer: { status: number; body: unknown }): void {
  const { status, body } = answer;
  const operation = operationOf(verb, path);
  const at = `${operation?.operationId ?? `${verb} ${path}`} answered ${status} ${JSON.stringify(body)}`;
  const isError = status >= 400;
  if (isError && isOfThePath(reasonOf(body))) {
    assertValid({ $ref: "#/components/schemas/Error" }, body, at);
    return;
  }
  if (operation === undefined) {
    if (isError) throw new Error(`${at}, a reason for paths and methods that are described`);
    return;
  }
  const response = resolve(operation.responses[String(status)]);
  if (response === undefined) throw new Error(`${at}: the status is not described`);
  const reasons = response["x-reasons"];
  if (reasons && !reasons.includes(reasonOf(body) ?? ""))
    throw new Error(`${at}: the reason is not described`);
  const schema = response.content?.["application/json"]?.schema;
  if (schema) assertValid(schema, body, at);
}

/** These say that there is no operation. */
function isOfThePath(reason: string | undefined): boolean {
  return reason === "ROUTE_NOT_FOUND" || reason === "METHOD_NOT_ALLOWED";
}

function assertValid(schema: JsonObject, body: unknown, at: string): void {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile(absolute(schema));
  validators.set(key, validate);
  if (!validate(body)) throw new Error(`${at}: ${ajv.errorsText(validate.errors)}`);
}

function operationOf(verb: string, path: string): Operation | undefined {
  const { pathname } = new URL(path, "http://parley");
  const found = paths.find(({ pattern }) => pattern.test(pathname));
  return found?.operations[verb.toLowerCase()] as unknown as Operation | undefined;
}

function patternOf(template: string): RegExp {
  const parts = template.split(/(\{\w+\})/).map((part, i, all) => {
    if (!part.startsWith("{")) return RegExp.escape(part);
    return all[i + 1]?.startsWith(":") ? "[^/]*" : "[^/]+";
  });
  return new RegExp(`^${parts.join("")}$`);
}

function resolve(response: Operation["responses"][string] | undefined): Response | undefined {
  const name = response?.$ref?.split("/").at(-1);
  return name === undefined ? response : (document.components.responses?.[name] as Response | undefined);
}

function reasonOf(body: unknown): string | undefined {
  const { details } = (body ?? {}) as { details?: { reason?: string }[] };
  return details?.find(({ reason }) => reason !== undefined)?.reason;
}

function createAjv(): Ajv2020 {
  const instance = new Ajv2020({ strictRequired: false, allErrors: true });
  formats.default(instance);
  for (const format of ["int32", "int64"]) instance.addFormat(format, true);
  instance.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
  return instance.addSchema(document, "openapi.json");
}

/** References of the document are to itself. */
function absolute(schema: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', '"$ref":"openapi.json#'));
}

function closed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  return copy.type === "object" && copy.properties ? { ...copy, unevaluatedProperties: false } : copy;
}
