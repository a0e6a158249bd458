import type { RpcClients } from "../services/common/rpc/rpc.ts";
import { createAdmission } from "./admission.ts";
import { createPublicCalls, type PublicCalls } from "./calls.ts";

/** Calls that no rate refuses and no session is known for. */
export function createTestCalls(
  { transport }: Pick<RpcClients, "transport">,
  { requestTimeoutMs = 5000, replicas = 1 } = {},
): PublicCalls {
  return createPublicCalls({
    // Only how many there are is asked.
    rpc: { transport, replicas: () => ({ list: () => new Array(replicas), onChange: () => () => {} }) },
    verifier: { cached: () => undefined },
    admission: createAdmission({ targetMs: 1000, maxInFlight: 1000, connections: () => 1 }),
    requestsPerUser: undefined,
    requestsPerAddress: undefined,
    requestsPerServerKey: undefined,
    requestTimeoutMs,
    readTargetMs: 1000,
  });
}
