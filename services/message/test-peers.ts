import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import { type RoomChange, RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import { Role, RoomKind } from "#gen/parley/room/v1/room_pb.js";
import { createAsyncQueue } from "../common/async-queue.ts";
import { UnavailableError } from "../common/errors.ts";
import { newId } from "../common/ids.ts";
import type { RpcClients, RpcServer } from "../common/rpc/rpc.ts";

/** For tests: the parts of Auth and Room that Message calls, as their contracts say. */

/** Auth: signs tokens and ends sessions. */
export interface AuthPeer {
  sign(userId: string, options?: { sessionId?: string; lifetime?: string }): Promise<string>;
  revoke(sessionId: string): void;
}

export async function serveAuthPeer(rpc: RpcServer, issuer: string): Promise<AuthPeer> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const jwk = { ...(await exportJWK(publicKey)), kid: "test", alg: "EdDSA", use: "sig" };
  const revocations = createAsyncQueue<{ revocations: { sessionId: string }[] }>(100);
  rpc.serve(AuthInternalService, {
    getKeySet: () => ({ jwksJson: JSON.stringify({ keys: [jwk] }) }),
    async *watchRevocations(_request, { signal }) {
      signal.addEventListener("abort", () => revocations.end(), { once: true });
      yield { synced: true };
      yield* revocations;
    },
    findUsers: ({ userIds }) => ({ userIds }),
    checkServerKey: () => ({}),
  });
  return {
    sign: (userId, options) => signToken(userId, issuer, privateKey, options),
    revoke: (sessionId) => void revocations.push({ revocations: [{ sessionId }] }),
  };
}

function signToken(
  userId: string,
  issuer: string,
  key: CryptoKey,
  { sessionId = newId(), lifetime = "1h" }: { sessionId?: string; lifetime?: string } = {},
): Promise<string> {
  return new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "test" })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience("parley")
    .setIssuedAt()
    .setExpirationTime(lifetime)
    .sign(key);
}

/** What a change says, as its field of the contract. */
export type ChangeBody = RoomChange["body"];

/** Room: decides changes, keeps their log, and hands them over when it is told to. */
export interface RoomPeer {
  /** Decides changes in one call, without handing them over. */
  decide(roomId: string, actorId: string, ...bodies: ChangeBody[]): RoomChange[];
  /** Decides them and hands them over. */
  change(roomId: string, actorId: string, ...bodies: ChangeBody[]): Promise<void>;
  /** Hands over what is given. */
  handOver(changes: readonly RoomChange[]): Promise<number>;
  /** How often its log was asked for. */
  readonly pulls: number;
  /** While true it doesn't answer. */
  down: boolean;
}

export function serveRoomPeer(rpc: RpcServer & RpcClients): RoomPeer {
  const message = rpc.client(MessageInternalService);
  const logs = new Map<string, RoomChange[]>();
  let pulls = 0;
  const peer: RoomPeer = {
    down: false,
    get pulls() {
      return pulls;
    },
    decide(roomId, actorId, ...bodies) {
      const log = logs.get(roomId) ?? [];
      logs.set(roomId, log);
      const changes = createChanges(roomId, actorId, log.length, bodies);
      log.push(...changes);
      return changes;
    },
    async change(...args) {
      await peer.handOver(peer.decide(...args));
    },
    async handOver(changes) {
      const { appliedVersion } = await message.applyRoomChanges({ changes: [...changes] });
      return Number(appliedVersion);
    },
  };
  rpc.serve(RoomInternalService, {
    listRoomChanges({ roomId, afterVersion }) {
      pulls += 1;
      if (peer.down) throw new UnavailableError();
      return { changes: (logs.get(roomId) ?? []).slice(Number(afterVersion)), hasMore: false };
    },
  });
  return peer;
}

/** The changes of one call, above the version that the room has. */
export function createChanges(
  roomId: string,
  actorId: string,
  version: number,
  bodies: readonly ChangeBody[],
): RoomChange[] {
  return bodies.map((body, index) =>
    create(RoomChangeSchema, {
      roomId,
      version: BigInt(version + index + 1),
      changeId: newId(),
      callVersion: BigInt(version + bodies.length),
      actorId,
      at: timestampFromMs(Date.now()),
      kind: RoomKind.GROUP,
      body,
    } as never),
  );
}

/** Bodies of changes, in short. */
export const joined = (userId: string, role = Role.MEMBER) => body("memberJoined", { userId, role });
export const left = (userId: string) => body("memberLeft", { userId });
export const removed = (userId: string) => body("memberRemoved", { userId });
export const gotRole = (userId: string, role: Role) => body("roleChanged", { userId, role });
export const updated = (name: string, topic: string) => body("roomUpdated", { name, topic });
export const deleted = () => body("roomDeleted", {});
export const invited = (userId: string, invitationId: string) => body("invited", { userId, invitationId });

function body(kind: string, value: object): ChangeBody {
  return { case: kind, value } as ChangeBody;
}
