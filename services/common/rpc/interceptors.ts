import { type DescMethod, type DescService, getOption } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { Access, access, server_key_scope } from "#gen/parley/options/v1/options_pb.js";
import type { TokenVerifier } from "../auth.ts";
import { DomainError, InvalidArgumentError, UnauthenticatedError } from "../errors.ts";
import type { Validator } from "../validation.ts";
import { callerKey } from "./caller.ts";
import type { ServerInterceptor } from "./rpc.ts";

/** Tells what a server key of an embedding application was made for. */
export interface ServerKeyVerifier {
  /** Answers its scopes. Throws UnauthenticatedError for one that is unknown, expired or revoked. */
  verify(key: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** Every scope that a server key can have on a service. */
export function serverKeyScopes(service: DescService): string[] {
  const named = service.methods.map((method) => getOption(method, server_key_scope));
  return [...new Set(named)].filter((scope) => scope !== "");
}

/** The server key is good, but not for this. */
export class ServerKeyScopeError extends DomainError {
  constructor(scope: string) {
    super({ reason: "ROLE_TOO_LOW", message: `the server key is not made for ${scope}` });
  }
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

  async function checkServerKey(context: HandlerContext, scope: string): Promise<void> {
    const key = bearerToken(context);
    if (serverKeys === undefined) throw new UnauthenticatedError("a valid server key is required");
    const scopes = await serverKeys.verify(key, context.signal);
    if (!scopes.includes(scope)) throw new ServerKeyScopeError(scope);
  }

  return (method) => {
    if (isInternal(method)) return undefined;
    switch (getOption(method, access)) {
      case Access.PUBLIC:
        return undefined;
      case Access.SERVER_KEY: {
        const scope = getOption(method, server_key_scope);
        return (context) => checkServerKey(context, scope);
      }
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
