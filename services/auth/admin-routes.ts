import type { ServiceImpl } from "@connectrpc/connect";
import type { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import type { Applications } from "./applications.ts";
import { toSelf, toTokens } from "./messages.ts";

/** Who may call is known when a call gets here: the interceptors have checked the server key. */
export function createAdminRoutes({
  applications,
}: {
  applications: Applications;
}): ServiceImpl<typeof AdminService> {
  return {
    async ensureUser({ externalId, username, displayName }, { signal }) {
      const wanted = { externalId, username, displayName };
      const { user, created } = await applications.ensureUser(wanted, signal);
      return { user: toSelf(user), created };
    },

    async issueTokens({ userId, deviceName }, { signal }) {
      return { tokens: toTokens(await applications.issueTokens({ userId, deviceName }, signal)) };
    },
  };
}
