import type { HandlerContext } from "@connectrpc/connect";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.js";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { createTokenVerifier } from "../auth.ts";
import { reasonOf, toConnectError, UnauthenticatedError } from "../errors.ts";
import { newId } from "../ids.ts";
import { createValidator } from "../validation.ts";
import { clientAddress, requireCaller } from "./caller.ts";
import { createServerInterceptors, type ServerKeyVerifier } from "./interceptors.ts";
import { createLocalRpc } from "./local.ts";

const issuer = "http://parley.test";
const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
const jwksJson = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1" }] });

function issueToken(userId: string): Promise<string> {
  return new SignJWT({ sid: newId() })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "k1" })
    .setIssuer(issuer)
    .setAudience("parley")
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime("10m")
    .sign(privateKey);
}

/** Services of every access; each call that gets through is told by who made it. */
function serveAll(serverKeys?: ServerKeyVerifier) {
  const logger = pino({ enabled: false });
  const rpc = createLocalRpc({ logger });
  const verifier = createTokenVerifier({ rpc, issuer, logger });
  rpc.intercept(createServerInterceptors({ verifier, validator: createValidator(), serverKeys }));

  const calls: unknown[] = [];
  const note = (_: unknown, context: HandlerContext) => {
    calls.push([context.method.name, toCallerId(context), clientAddress(context)]);
    return {};
  };
  const everything = new Proxy({}, { get: () => note }) as never;
  rpc.serve(RoomService, everything);
  rpc.serve(AuthService, everything);
  rpc.serve(AdminService, everything);
  rpc.serve(AuthInternalService, {
    getKeySet: async () => ({ jwksJson }),
    findUsers: note,
    checkServerKey: note,
    async *watchRevocations() {
      yield { synced: true };
    },
  });
  return {
    calls,
    rooms: rpc.client(RoomService),
    auth: rpc.client(AuthService),
    admin: rpc.client(AdminService),
    internal: rpc.client(AuthInternalService),
  };
}

function toCallerId(context: HandlerContext): string | undefined {
  try {
    return requireCaller(context).userId;
  } catch (error) {
    return reasonOf(error);
  }
}

describe("auth", () => {
  const userId = newId();

  test("a caller is known to the handler, with any spelling of the scheme", async () => {
    const { rooms, calls } = serveAll();
    const token = await issueToken(userId);
    await rooms.listRooms(
      {},
      { headers: { authorization: `Bearer ${token}`, "parley-client-address": "::1" } },
    );
    await rooms.listRooms({}, { headers: { Authorization: `bearer ${token}` } });
    expect(calls).toEqual([
      ["ListRooms", userId, "::1"],
      ["ListRooms", userId, undefined],
    ]);
  });

  test.each([undefined, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer x.y.z"])(
    "without a token nobody gets in: %s",
    async (authorization) => {
      const { rooms, calls } = serveAll();
      const headers = authorization === undefined ? {} : { authorization };
      expect(await rooms.listRooms({}, { headers }).catch(reasonOf)).toBe("UNAUTHENTICATED");
      expect(calls).toEqual([]);
    },
  );

  test("public methods look at no token", async () => {
    const { auth, calls } = serveAll();
    await auth.login(
      { username: "ann", password: "password" },
      { headers: { authorization: "Bearer stale" } },
    );
    expect(calls).toEqual([["Login", "UNAUTHENTICATED", undefined]]);
  });

  test("internal methods are for the process itself", async () => {
    const { internal, calls } = serveAll();
    await internal.findUsers({});
    expect(calls).toEqual([["FindUsers", "UNAUTHENTICATED", undefined]]);
  });

  test("methods for server keys take a server key and no access token", async () => {
    const closed = serveAll();
    const headers = { authorization: `Bearer ${await issueToken(userId)}` };
    expect(await closed.admin.ensureUser({ externalId: "1" }, { headers }).catch(reasonOf)).toBe(
      "UNAUTHENTICATED",
    );

    const scopes: string[] = [];
    const open = serveAll({
      async verify(key, scope) {
        scopes.push(scope);
        if (key !== "sk") throw new UnauthenticatedError();
      },
    });
    expect(await open.admin.ensureUser({ externalId: "1" }, { headers }).catch(reasonOf)).toBe(
      "UNAUTHENTICATED",
    );
    await open.admin.ensureUser({ externalId: "1" }, { headers: { authorization: "Bearer sk" } });
    expect(open.calls).toHaveLength(1);
    expect(scopes).toEqual(["users:ensure", "users:ensure"]);
  });
});

describe("validation", () => {
  test("comes after auth and lists every bad field", async () => {
    const { rooms, calls } = serveAll();
    const bad = { name: "", topic: "x".repeat(501) };
    expect(await rooms.createRoom(bad).catch(reasonOf)).toBe("UNAUTHENTICATED");

    const headers = { authorization: `Bearer ${await issueToken(newId())}` };
    const error = toConnectError(await rooms.createRoom(bad, { headers }).catch((reason: unknown) => reason));
    expect(reasonOf(error)).toBe("INVALID_ARGUMENT");
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
      { field: "name" },
      { field: "topic" },
    ]);
    expect(calls).toEqual([]);
  });
});
