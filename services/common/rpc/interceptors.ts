import { type DescMethod, type DescService, getOption } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { Access, access, server_key_scope } from "#gen/parley/options/v1/options_pb.js";
import type { TokenVerifier } from "../auth.ts";
import { InvalidArgumentError, UnauthenticatedError } from "../errors.ts";
import type { Validator } from "../validation.ts";
import { callerKey } from "./caller.ts";
import type { ServerInterceptor } from "./rpc.ts";

/** Tells whether a server key of an embedding application is valid for what it is used for. */
export interface ServerKeyVerifier {
  /** Throws UnauthenticatedError, TokenExpiredError, or what says ROLE_TOO_LOW; UnavailableError without Auth. */
  verify(key: string, scope: string): Promise<void>;
}

export interface ServerInterceptorDeps {
  verifier: TokenVerifier;
  validator: Validator;
  /** Without it, every RPC for server keys is refused. */
  serverKeys?: ServerKeyVerifier;
}

/** What every call to a service of Parley goes through: who calls, then the rules of its fields. */
export function createServerInterceptors(deps: ServerInterceptorDeps): ServerInterceptor[] {
  return [createAuthInterceptor(deps), createValidationInterceptor(deps)];
}

/**
 * Lets in who the contract says may call. Internal packages are for processes of the mesh, whose identity the transport
 * proves: within one process there is nothing to prove. A token that comes with a public call is not looked at, so that
 * a stale one doesn't keep anybody from signing in.
 */
export function createAuthInterceptor(deps: Omit<ServerInterceptorDeps, "validator">): ServerInterceptor {
  const { verifier, serverKeys } = deps;

  function checkToken(context: HandlerContext): undefined | Promise<void> {
    const token = bearerToken(context);
    const cached = verifier.cached(token);
    if (cached === undefined) {
      return verifier.verify(token).then((caller) => {
        context.values.set(callerKey, caller);
      });
    }
    context.values.set(callerKey, cached);
    return undefined;
  }

  function checkServerKey(scope: string, context: HandlerContext): Promise<void> {
    const key = bearerToken(context);
    if (serverKeys === undefined) throw new UnauthenticatedError("a valid server key is required");
    return serverKeys.verify(key, scope);
  }

  return (method) => {
    if (isInternal(method)) return undefined;
    switch (getOption(method, access)) {
      case Access.PUBLIC:
        return undefined;
      case Access.SERVER_KEY:
        return checkServerKey.bind(undefined, scopeOf(method));
      default:
        return checkToken;
    }
  };
}

/** Refuses what breaks the rules of its fields. Items of an input stream are up to the handler. */
export function createValidationInterceptor({ validator }: { validator: Validator }): ServerInterceptor {
  return (method) => {
    if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") return undefined;
    return (_context, request) => {
      const violations = request === undefined ? [] : validator.validate(method.input, request);
      if (violations.length > 0) throw new InvalidArgumentError(violations);
      return undefined;
    };
  };
}

/** The scopes that a service's RPCs require of server keys. */
export function scopesOf(service: DescService): string[] {
  const methods = service.methods.filter((method) => getOption(method, access) === Access.SERVER_KEY);
  return [...new Set(methods.map(scopeOf))];
}

/** Throws for a contract that leaves it out: such an RPC would be open to every key. */
function scopeOf(method: DescMethod): string {
  const scope = getOption(method, server_key_scope);
  if (scope === "") throw new Error(`${method.parent.typeName}.${method.name} names no server_key_scope`);
  return scope;
}

function isInternal(method: DescMethod): boolean {
  return method.parent.file.proto.package.startsWith("parley.internal.");
}

function bearerToken(context: HandlerContext): string {
  const header = context.requestHeader.get("authorization");
  if (header === null) throw new UnauthenticatedError();
  const [scheme, token, ...rest] = header.split(" ");
  if (scheme?.toLowerCase() !== "bearer" || !token || rest.length > 0) throw new UnauthenticatedError();
  return token;
}
