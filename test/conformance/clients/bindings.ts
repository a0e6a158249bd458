import {
  type DescField,
  type DescService,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { http } from "#gen/google/api/annotations_pb.js";
import type { Method } from "./client.ts";

/**
 * How REST reaches the RPCs, read from the contracts' `google.api.http` by the letter of api.md and on its own: what the
 * gateway makes of the same annotations is what is tested.
 */
export interface Binding {
  readonly method: Method;
  readonly verb: string;
  readonly template: string;
  readonly hasBody: boolean;
}

/** The bindings of every annotated RPC, those with fewer variables first: `/v1/users/me` is no user's id. */
export function bindingsOf(services: readonly DescService[]): Binding[] {
  const bindings = services
    .flatMap((service) => service.methods)
    .flatMap((method) => {
      if (!hasOption(method, http)) return [];
      const { pattern, body } = getOption(method, http);
      if (pattern.case === undefined || pattern.case === "custom") return [];
      return [
        {
          method: method as Method,
          verb: pattern.case.toUpperCase(),
          template: pattern.value,
          hasBody: body === "*",
        },
      ];
    });
  return bindings.sort((a, b) => variablesOf(a).length - variablesOf(b).length);
}

const variablesOf = ({ template }: Binding): string[] =>
  [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);

const fieldOf = ({ method }: Binding, name: string): DescField =>
  method.input.fields.find((field) => field.name === name) as DescField;

export interface HttpRequest {
  readonly verb: string;
  /** With the query. */
  readonly path: string;
  readonly body: JsonObject | undefined;
}

/** The request by which REST makes a call. */
export function toHttp(binding: Binding, request: JsonObject): HttpRequest {
  const rest = { ...request };
  const path = binding.template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const { jsonName } = fieldOf(binding, name);
    const value = rest[jsonName];
    delete rest[jsonName];
    return encodeURIComponent(String(value));
  });
  if (binding.hasBody) return { verb: binding.verb, path, body: rest };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest))
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  return { verb: binding.verb, path: query.size > 0 ? `${path}?${query}` : path, body: undefined };
}

/** The call that a request by REST makes; undefined if it makes none. */
export function fromHttp(
  bindings: readonly Binding[],
  { verb, path, body }: HttpRequest,
): { method: Method; request: JsonObject } | undefined {
  const [pathname = "", query = ""] = path.split("?", 2);
  for (const binding of bindings) {
    if (binding.verb !== verb) continue;
    const values = patternOf(binding).exec(pathname)?.slice(1).map(decoded);
    if (values === undefined || values.includes(undefined)) continue;
    const request: JsonObject = binding.hasBody ? { ...body } : queryOf(binding, query);
    for (const [i, name] of variablesOf(binding).entries()) {
      delete request[name];
      request[fieldOf(binding, name).jsonName] = values[i] as string;
    }
    return { method: binding.method, request };
  }
  return undefined;
}

/** A variable is one segment, and before a `:verb` whatever stands there. */
function patternOf({ template }: Binding): RegExp {
  const pattern = template.replace(/\{\w+\}(?=:)/g, "([^/]*)").replace(/\{\w+\}/g, "([^/]+)");
  return new RegExp(`^${pattern}$`);
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Empty values are absent ones. */
function queryOf({ method }: Binding, query: string): JsonObject {
  const params = new URLSearchParams(query);
  const request: JsonObject = {};
  for (const { name, jsonName, fieldKind } of method.input.fields) {
    const values = [...params.getAll(jsonName), ...(name === jsonName ? [] : params.getAll(name))];
    const given = values.filter((value) => value !== "");
    if (given.length === 0) continue;
    request[jsonName] = (given.length > 1 || fieldKind === "list" ? given : given[0]) as JsonValue;
  }
  return request;
}
