import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { SessionSchema, TokensSchema } from "#gen/parley/auth/v1/auth_pb.js";
import type { SessionRevocationSchema } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import type { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { bytesToId } from "../common/ids.ts";
import type { SessionRow, UserRow } from "./db/tables.ts";
import type { Revocation } from "./revocations.ts";
import type { Tokens } from "./sessions.ts";

/** The user as `viewerId` may see them: the external id is shown to oneself only. */
export function toUser(row: UserRow, viewerId: string): MessageInitShape<typeof UserSchema> {
  const userId = bytesToId(row.user_id);
  return {
    userId,
    username: row.username,
    displayName: row.display_name,
    createdAt: timestampFromMs(row.created_at),
    ...(row.external_id !== null && userId === viewerId && { externalId: row.external_id }),
    ...(row.deleted_at !== null && { deletedAt: timestampFromMs(row.deleted_at) }),
  };
}

/** The user as they see themselves, and as a server key does. */
export function toSelf(row: UserRow): MessageInitShape<typeof UserSchema> {
  return toUser(row, bytesToId(row.user_id));
}

export function toTokens(tokens: Tokens): MessageInitShape<typeof TokensSchema> {
  return {
    accessToken: tokens.accessToken,
    accessTokenExpiresAt: timestampFromMs(tokens.accessTokenExpiresAt),
    refreshToken: tokens.refreshToken,
    refreshTokenExpiresAt: timestampFromMs(tokens.refreshTokenExpiresAt),
  };
}

export function toSession(row: SessionRow, currentSessionId: string): MessageInitShape<typeof SessionSchema> {
  const sessionId = bytesToId(row.session_id);
  return {
    sessionId,
    deviceName: row.device_name,
    createdAt: timestampFromMs(row.created_at),
    lastUsedAt: timestampFromMs(row.last_used_at),
    current: sessionId === currentSessionId,
  };
}

export function toSessionRevocation({
  sessionId,
  endedAt,
}: Revocation): MessageInitShape<typeof SessionRevocationSchema> {
  return { sessionId, revokedAt: timestampFromMs(endedAt) };
}
