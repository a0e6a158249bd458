import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { UnavailableError } from "../common/errors.ts";
import { isId } from "../common/ids.ts";
import type { RpcClients } from "../common/rpc/rpc.ts";

/** Who exists, as Auth knows it. */
export interface Users {
  /** Those of these people who are unknown. Throws UnavailableError when Auth can't tell, and the signal's reason. */
  findUnknown(userIds: readonly string[], signal?: AbortSignal): Promise<string[]>;
}

const timeoutMs = 5_000;

export function createUsers(deps: { rpc: RpcClients }): Users {
  const auth = deps.rpc.client(AuthInternalService);
  return {
    async findUnknown(userIds, signal) {
      const candidates = userIds.filter(isId);
      if (candidates.length === 0) return [...userIds];
      const known = new Set(await findUsers(candidates, signal));
      return userIds.filter((userId) => !known.has(userId));
    },
  };

  async function findUsers(userIds: string[], signal: AbortSignal | undefined): Promise<string[]> {
    try {
      return (await auth.findUsers({ userIds }, { timeoutMs, ...(signal && { signal }) })).userIds;
    } catch (error) {
      signal?.throwIfAborted();
      throw new UnavailableError("it can't be checked who exists; try again", error);
    }
  }
}
