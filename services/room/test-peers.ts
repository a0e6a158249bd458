import type { ServiceImpl } from "@connectrpc/connect";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import { UnavailableError } from "../common/errors.ts";
import { newId } from "../common/ids.ts";
import type { RpcServer } from "../common/rpc/rpc.ts";

/** For tests: the parts of Auth and Message that Room calls, as their contracts say. */

/** Auth: signs tokens, and knows those whom it signed one for. */
export interface AuthPeer {
  /** Someone new, who exists from now on, and their access token. */
  signUp(): Promise<{ userId: string; token: string }>;
  /** While true, it answers nobody but those who ask for keys. */
  down: boolean;
  /** Is waited for before it is said who exists. */
  hold: Promise<void> | undefined;
}

export async function serveAuthPeer(rpc: RpcServer, issuer: string): Promise<AuthPeer> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const jwk = { ...(await exportJWK(publicKey)), kid: "test", alg: "EdDSA", use: "sig" };
  const people = new Set<string>();
  const peer: AuthPeer = {
    down: false,
    hold: undefined,
    async signUp() {
      const userId = newId();
      people.add(userId);
      return { userId, token: await signToken(userId, issuer, privateKey) };
    },
  };
  rpc.serve(AuthInternalService, {
    getKeySet: () => ({ jwksJson: JSON.stringify({ keys: [jwk] }) }),
    async *watchRevocations(_request, { signal }) {
      yield { synced: true };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    checkServerKey: () => ({}),
    async findUsers({ userIds }) {
      await peer.hold;
      if (peer.down) throw new UnavailableError();
      return { userIds: userIds.filter((userId) => people.has(userId)) };
    },
  });
  return peer;
}

function signToken(userId: string, issuer: string, key: CryptoKey): Promise<string> {
  return new SignJWT({ sid: newId() })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "test" })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience("parley")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(key);
}

/** Message: keeps the changes of each room as its timeline would. */
export interface MessagePeer {
  /** All that was applied, by room. */
  readonly rooms: Map<string, RoomChange[]>;
  /** What was applied of a room, in order. */
  changesOf(roomId: string): readonly RoomChange[];
  /** The same in short: the kinds of change, and whom they concern. */
  timelineOf(roomId: string): string[];
  /** How many requests came. */
  readonly requests: number;
  /** Refuses requests, or applies them and loses the answers. */
  fault: "none" | "refuses" | "loses answers";
  /** Is waited for before anything is applied. */
  hold: Promise<void> | undefined;
}

/** `rooms` is what it has applied before. */
export function serveMessagePeer(rpc: RpcServer, rooms = new Map<string, RoomChange[]>()): MessagePeer {
  let requests = 0;
  const peer: MessagePeer = {
    rooms,
    fault: "none",
    hold: undefined,
    get requests() {
      return requests;
    },
    changesOf: (roomId) => rooms.get(roomId) ?? [],
    timelineOf: (roomId) => (rooms.get(roomId) ?? []).map(describe),
  };
  const implementation: Partial<ServiceImpl<typeof MessageInternalService>> = {
    async applyRoomChanges({ changes }) {
      requests += 1;
      await peer.hold;
      if (peer.fault === "refuses") throw new UnavailableError();
      const roomId = changes[0]?.roomId ?? "";
      const applied = rooms.get(roomId) ?? [];
      rooms.set(roomId, applied);
      for (const change of changes) apply(applied, change);
      if (changes.at(-1)?.callVersion !== changes.at(-1)?.version) throw new Error("half a call");
      if (peer.fault === "loses answers") throw new UnavailableError();
      return { appliedVersion: BigInt(applied.length) };
    },
  };
  rpc.serve(MessageInternalService, implementation as ServiceImpl<typeof MessageInternalService>);
  return peer;
}

function apply(applied: RoomChange[], change: RoomChange): void {
  const known = applied[Number(change.version) - 1];
  if (known && known.changeId !== change.changeId) throw new Error("another change of the same version");
  if (known) return;
  if (Number(change.version) !== applied.length + 1) throw new Error("a hole between versions");
  applied.push(change);
}

function describe({ body }: RoomChange): string {
  const userId = body.value && "userId" in body.value ? ` ${body.value.userId}` : "";
  return `${body.case}${userId}`;
}
