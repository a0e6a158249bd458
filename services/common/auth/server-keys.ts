import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import type { ServerKeyVerifier } from "../rpc/interceptors.ts";
import type { RpcClients } from "../rpc/rpc.ts";

const timeoutMs = 5_000;

/** Asks Auth each time, so that a key that was revoked is refused at once: calls with one are few. */
export function createServerKeyVerifier({ rpc }: { rpc: RpcClients }): ServerKeyVerifier {
  const auth = rpc.client(AuthInternalService);
  return {
    async verify(key, signal) {
      const { scopes } = await auth.verifyServerKey({ key }, { timeoutMs, signal });
      return scopes;
    },
  };
}
