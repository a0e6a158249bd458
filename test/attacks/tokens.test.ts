import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { createApi, ok, type Person, reasonOf } from "../conformance/api.ts";
import type { CallClient } from "../conformance/clients/client.ts";
import { connectJson } from "../conformance/clients/connect.ts";
import { grpcJs } from "../conformance/clients/grpc-js.ts";
import { rest } from "../conformance/clients/rest.ts";
import { openSocket } from "../conformance/realtime-client.ts";
import { readSigningKey, resign } from "../conformance/signing.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { type Forgery, forgeries } from "./forgeries.ts";

const method = UserService.method.getMe;
const closeCodes = { UNAUTHENTICATED: 4002, TOKEN_EXPIRED: 4003 };

/** Tokens as somebody would make them who has a good one and the published keys, and for some of them the key itself. */
describe("forged access tokens", () => {
  let stack: Stack;
  let clients: readonly (readonly [string, CallClient])[];
  let ada: Person;
  let good: Parameters<typeof forgeries>[0];
  let all: Forgery[];

  beforeAll(async () => {
    const other = startOneProcess();
    stack = await startOneProcess();
    ada = await createApi(stack.url).register();
    const { kid, privateKey } = await readSigningKey(stack);
    const { keys } = await ok(createApi(stack.url).call("GET", "/.well-known/jwks.json"));
    const jwk = keys.find((key: { kid: string }) => key.kid === kid);
    good = { token: ada.accessToken, jwk, privateKey };
    await using elsewhere = await other;
    const { accessToken } = await createApi(elsewhere.url).register();
    all = [
      ...forgeries(good),
      { name: "a good one of another Parley", token: accessToken, reason: "UNAUTHENTICATED" },
      { name: "a refresh token", token: ada.refreshToken, reason: "UNAUTHENTICATED" },
    ];
    clients = await Promise.all(
      [rest, connectJson, grpcJs].map(async (each) => [each.name, await each.connect(stack)] as const),
    );
  });
  afterAll(async () => {
    await Promise.all(clients.map(([, client]) => client.close()));
    await stack[Symbol.asyncDispose]();
  });

  const hello = async (accessToken: string) => {
    const client = await openSocket(stack.socketUrl, "parley.v1.json");
    client.send({ ref: "h", hello: { accessToken } });
    const { ready, error } = await client.next((frame) => frame.ref === "h");
    if (ready !== undefined) client.close();
    return { error, code: (await client.closed).code };
  };

  test("what they are made of is accepted where nothing was changed", async () => {
    const again = resign(good);
    for (const token of [ada.accessToken, again, resign(good, { aud: "parley", extra: 1 })])
      for (const [name, client] of clients)
        expect((await client.call({ method, request: {}, token }))?.status, name).toBe(200);
    expect((await hello(again)).error).toBeUndefined();
  });

  test("are refused by every surface, and alike", async () => {
    expect(all.length).toBeGreaterThan(60);
    const bodies = new Map<string, unknown>();
    for (const { name, token, reason } of all) {
      for (const [surface, client] of clients) {
        const answer = await client.call({ method, request: {}, token });
        const where = `${name} by ${surface}: ${JSON.stringify(answer?.body)}`;
        expect([answer?.status, reasonOf(answer?.body)], where).toEqual([401, reason]);
        if (!bodies.has(reason)) bodies.set(reason, answer?.body);
        expect(answer?.body, where).toEqual(bodies.get(reason));
      }
    }
  });

  test("are refused by a WebSocket's hello, with the same status", async () => {
    const bodies = new Map<string, unknown>();
    for (const reason of Object.keys(closeCodes)) {
      const token = all.find((each) => each.reason === reason)?.token ?? "";
      bodies.set(reason, (await clients[0]?.[1].call({ method, request: {}, token }))?.body);
    }
    for (const { name, token, reason } of all) {
      const { error, code } = await hello(token);
      expect([reasonOf(error), code], name).toEqual([reason, closeCodes[reason]]);
      expect(error, name).toEqual(bodies.get(reason));
    }
  });

  test("and serve no other call either; the good one still does", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const token = resign({ token: ada.accessToken, privateKey });
    for (const [name, client] of clients) {
      const answer = await client.call({ method: AuthService.method.logout, request: {}, token });
      expect(reasonOf(answer?.body), name).toBe("UNAUTHENTICATED");
    }
    await ok(ada.get("/v1/users/me"));
    expect(stack.output()).not.toMatch(/"level":"(error|fatal)"/);
  });
});
