import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import type { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import type { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { clientAddress, requireCaller } from "../common/rpc/caller.ts";
import type { Accounts, Origin } from "./accounts.ts";
import { toSelf, toSession, toSessionRevocation, toTokens, toUser } from "./messages.ts";
import {
  decodeSessionCursor,
  decodeUserCursor,
  encodeSessionCursor,
  encodeUserCursor,
  pageSizeOf,
} from "./page-tokens.ts";
import type { Profiles } from "./profiles.ts";
import type { Revocations } from "./revocations.ts";
import type { ServerKeys } from "./server-keys.ts";
import type { Sessions } from "./sessions.ts";
import type { SigningKeys } from "./signing-keys.ts";

export interface AuthRoutesDeps {
  accounts: Accounts;
  sessions: Sessions;
}

export function createAuthRoutes({ accounts, sessions }: AuthRoutesDeps): ServiceImpl<typeof AuthService> {
  return {
    async register({ username, password, displayName, deviceName }, context) {
      const registration = { username, password, displayName, deviceName };
      const { user, tokens } = await accounts.register(registration, originOf(context));
      return { user: toSelf(user), tokens: toTokens(tokens) };
    },

    async login({ username, password, deviceName }, context) {
      const { user, tokens } = await accounts.login({ username, password, deviceName }, originOf(context));
      return { user: toSelf(user), tokens: toTokens(tokens) };
    },

    async refresh({ refreshToken }, context) {
      return { tokens: toTokens(await sessions.refresh(refreshToken, clientAddress(context))) };
    },

    async logout(_, context) {
      await sessions.logout(requireCaller(context));
      return {};
    },

    async changePassword({ currentPassword, newPassword }, context) {
      const change = { session: requireCaller(context), currentPassword, newPassword };
      await accounts.changePassword(change, originOf(context));
      return {};
    },

    async listSessions({ pageSize, pageToken }, context) {
      const { userId, sessionId } = requireCaller(context);
      const page = { after: decodeSessionCursor(userId, pageToken), size: pageSizeOf(pageSize) };
      const { sessions: rows, hasMore } = await sessions.list(userId, page);
      const last = rows.at(-1);
      return {
        sessions: rows.map((row) => toSession(row, sessionId)),
        nextPageToken:
          hasMore && last
            ? encodeSessionCursor(userId, { createdAt: last.created_at, sessionId: last.session_id })
            : "",
      };
    },

    async revokeSession({ sessionId }, context) {
      await sessions.revoke({ userId: requireCaller(context).userId, sessionId });
      return {};
    },
  };
}

export function createUserRoutes({ profiles }: { profiles: Profiles }): ServiceImpl<typeof UserService> {
  return {
    async getMe(_, context) {
      return { user: toSelf(await profiles.get(requireCaller(context).userId)) };
    },

    async updateMe({ displayName }, context) {
      return { user: toSelf(await profiles.update(requireCaller(context).userId, { displayName })) };
    },

    async getUser({ userId }, context) {
      return { user: toUser(await profiles.get(userId), requireCaller(context).userId) };
    },

    async batchGetUsers({ userIds }, context) {
      const viewerId = requireCaller(context).userId;
      const users = await profiles.getSeveral(userIds);
      return { users: users.map((user) => toUser(user, viewerId)) };
    },

    async searchUsers({ query, pageSize, pageToken }, context) {
      const viewerId = requireCaller(context).userId;
      const page = { after: decodeUserCursor(query, pageToken), size: pageSizeOf(pageSize) };
      const { users, hasMore } = await profiles.search(query, page);
      const last = users.at(-1);
      return {
        users: users.map((user) => toUser(user, viewerId)),
        nextPageToken: hasMore && last ? encodeUserCursor(query, last.username) : "",
      };
    },
  };
}

export interface InternalRoutesDeps {
  keys: Pick<SigningKeys, "keySet">;
  revocations: Revocations;
  profiles: Profiles;
  serverKeys: Pick<ServerKeys, "check">;
}

export function createInternalRoutes({
  keys,
  revocations,
  profiles,
  serverKeys,
}: InternalRoutesDeps): ServiceImpl<typeof AuthInternalService> {
  return {
    async getKeySet() {
      return { jwksJson: JSON.stringify(keys.keySet()) };
    },

    async *watchRevocations(_, context) {
      for await (const step of revocations.watch(context.signal)) {
        yield { revocations: step.revocations.map(toSessionRevocation), synced: step.synced };
      }
    },

    async findUsers({ userIds }) {
      return { userIds: await profiles.findIds(userIds) };
    },

    async checkServerKey({ keyHash, scope }) {
      return { keyId: await serverKeys.check(keyHash, scope) };
    },
  };
}

function originOf(context: HandlerContext): Origin {
  return { address: clientAddress(context), signal: context.signal };
}
