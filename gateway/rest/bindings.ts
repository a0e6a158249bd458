import {
  type DescField,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { http } from "#gen/google/api/annotations_pb.js";
import type { HttpRule } from "#gen/google/api/http_pb.js";

/** One way to reach an RPC by HTTP, from its `google.api.http` annotation. */
export interface Binding {
  readonly method: DescMethodUnary;
  readonly verb: "GET" | "PUT" | "POST" | "DELETE" | "PATCH";
  /** As in the contract: /v1/rooms/{room_id}:leave */
  readonly template: string;
  /** The same for Fastify's router. */
  readonly route: string;
  /** Fields that the path carries. */
  readonly pathFields: readonly DescField[];
  /** Whether the rest of the request is the body; otherwise it is the query. */
  readonly hasBody: boolean;
}

/** All bindings of a service. Throws for what the transcoder doesn't do, so that a contract can't promise it. */
export function bindingsOf(service: DescService): Binding[] {
  return service.methods.flatMap((method) => {
    if (!hasOption(method, http)) return [];
    if (!isUnary(method)) throw new Error(`${service.typeName}.${method.name}: only unary RPCs have REST`);
    const rule = getOption(method, http);
    return [rule, ...rule.additionalBindings].map((each) => bindingOf(method, each));
  });
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function bindingOf(method: DescMethodUnary, rule: HttpRule): Binding {
  const name = `${method.parent.typeName}.${method.name}`;
  if (rule.pattern.case === undefined || rule.pattern.case === "custom")
    throw new Error(`${name}: no standard verb`);
  if (rule.body !== "" && rule.body !== "*") throw new Error(`${name}: body is "*" or absent`);
  const template = rule.pattern.value;
  return {
    method,
    verb: rule.pattern.case.toUpperCase() as Binding["verb"],
    template,
    route: routeOf(template),
    pathFields: [...template.matchAll(/\{(\w+)\}/g)].map(([, field]) => {
      const found = method.input.fields.find((each) => each.name === field);
      if (!found) throw new Error(`${name}: the path names ${field}, which is no field`);
      return found;
    }),
    hasBody: rule.body === "*",
  };
}

/**
 * The router takes ":" as the mark of a parameter: a literal one is doubled, and a parameter before it needs a pattern,
 * or it would swallow it (find-my-way would match any suffix).
 */
function routeOf(template: string): string {
  return template
    .replace(/:/g, "::")
    .replace(/\{(\w+)\}(?=::)/g, ":$1(.*)")
    .replace(/\{(\w+)\}/g, ":$1");
}
