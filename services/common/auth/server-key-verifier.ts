import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { UnauthenticatedError } from "../errors.ts";
import type { ServerKeyVerifier } from "../rpc/interceptors.ts";
import type { RpcClients } from "../rpc/rpc.ts";
import { hashServerKey, isServerKey } from "./server-key.ts";

const timeoutMs = 5_000;

/** Asks Auth at each call: these are few, and a revoked key is refused at once. */
export function createServerKeyVerifier({ rpc }: { rpc: RpcClients }): ServerKeyVerifier {
  const auth = rpc.client(AuthInternalService);
  return {
    async verify(key, scope) {
      if (!isServerKey(key)) throw new UnauthenticatedError("a valid server key is required");
      await auth.checkServerKey({ keyHash: hashServerKey(key), scope }, { timeoutMs });
    },
  };
}
