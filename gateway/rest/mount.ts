import { type DescService, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { statusRegistry } from "../../services/common/errors.ts";
import type { CallOrigin, PublicCalls } from "../calls.ts";
import { MethodNotAllowedError } from "../errors.ts";
import type { OriginReader } from "../http-origin.ts";
import { type Binding, bindingsOf } from "./bindings.ts";
import { decodeRequest } from "./request.ts";

export interface RestDeps {
  readonly services: readonly DescService[];
  readonly calls: PublicCalls;
  readonly originOf: OriginReader;
}

const verbs: readonly HTTPMethods[] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"];

/** Mounts every annotated RPC of the services. A path that exists answers other verbs with METHOD_NOT_ALLOWED. */
export function mountRest(app: FastifyInstance, deps: RestDeps): void {
  const byRoute = Map.groupBy(deps.services.flatMap(bindingsOf), (binding) => binding.route);
  for (const [url, bindings] of byRoute) {
    for (const binding of bindings)
      app.route({ method: binding.verb, url, handler: handlerOf(binding, deps) });
    const allowed: HTTPMethods[] = bindings.map((binding) => binding.verb);
    const others = verbs.filter((verb) => !allowed.includes(verb));
    const refuse = async (_: FastifyRequest, reply: FastifyReply): Promise<never> => {
      reply.header("allow", allowed.join(", "));
      throw new MethodNotAllowedError(allowed);
    };
    // Before the body is read, which may be anything.
    app.route({ method: others, url, config: { refuses: true }, onRequest: refuse, handler: refuse });
  }
}

function handlerOf(binding: Binding, { calls, originOf }: RestDeps) {
  const { method } = binding;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const origin = originOf("rest", request, reply);
    const input = admitted(binding, calls, request, origin);
    const answer = await calls.unary(method, input, origin);
    reply.type("application/json; charset=utf-8");
    return jsonOf(binding, answer);
  };
}

function admitted(
  binding: Binding,
  calls: PublicCalls,
  request: FastifyRequest,
  origin: CallOrigin,
): Message {
  try {
    calls.admit(binding.method, origin);
    return decodeRequest(
      binding,
      request.params as Record<string, string>,
      request.query as Record<string, unknown>,
      request.body as JsonValue | undefined,
    );
  } catch (error) {
    calls.refused(binding.method, origin, error);
    throw error;
  }
}

function jsonOf(binding: Binding, message: Message): string {
  return JSON.stringify(
    toJson(binding.method.output, message, { alwaysEmitImplicit: true, registry: statusRegistry }),
  );
}
