import { createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, badFields, ok, openApi, password, refused, uniqueName } from "./api.ts";
import { settings } from "./settings.ts";

describe.each(settings)("auth: $name", ({ running, surface }) => {
  let api: Api;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
  });
  afterAll(() => api.close());

  const register = (body: object) => api.call("POST", "/v1/auth/register", { body });
  const login = (username: string, secret: string) =>
    api.call("POST", "/v1/auth/login", { body: { username, password: secret } });
  const refresh = (refreshToken: string) => api.call("POST", "/v1/auth/refresh", { body: { refreshToken } });

  test("register answers user and tokens, folds the username, and takes it for good", async () => {
    const username = uniqueName("Ada").toUpperCase();
    const { user, tokens } = await ok(register({ username, password, displayName: "Ada L." }));
    expect(user).toEqual({
      userId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      username: username.toLowerCase(),
      displayName: "Ada L.",
      createdAt: expect.any(String),
    });
    expect(Object.keys(tokens).sort()).toEqual([
      "accessToken",
      "accessTokenExpiresAt",
      "refreshToken",
      "refreshTokenExpiresAt",
    ]);
    await refused(register({ username: username.toLowerCase(), password }), 409, "USERNAME_TAKEN");
  });

  test("bad input lists every fault and changes nothing", async () => {
    const username = uniqueName();
    const bad = { username: "a!", password: "short", displayName: "", deviceName: "x".repeat(101) };
    expect(await badFields(register(bad))).toEqual(
      expect.arrayContaining(["device_name", "display_name", "password", "username"]),
    );
    expect(await badFields(register({ username, password: "seven77" }))).toEqual(["password"]);
    expect((await register({ username, password: "x".repeat(128) })).status).toBe(200);
  });

  test("characters are code points", async () => {
    const eight = "👍".repeat(8);
    const { user } = await ok(
      register({ username: uniqueName(), password: eight, displayName: "👍".repeat(100) }),
    );
    expect(user.displayName).toBe("👍".repeat(100));
    expect(await badFields(register({ username: uniqueName(), password: "👍".repeat(7) }))).toEqual([
      "password",
    ]);
  });

  test("unknown user and wrong password are answered alike", async () => {
    const ada = await api.register();
    const wrong = await refused(login(ada.username, "not the password"), 401, "WRONG_CREDENTIALS");
    const unknown = await refused(login(uniqueName(), password), 401, "WRONG_CREDENTIALS");
    expect(wrong).toEqual(unknown);
  });

  test("the access token is an Ed25519 JWT that the JWKS verifies", async () => {
    const ada = await api.register();
    const [head, body, signature] = ada.accessToken.split(".") as [string, string, string];
    const header = JSON.parse(Buffer.from(head, "base64url").toString());
    const claims = JSON.parse(Buffer.from(body, "base64url").toString());
    expect(header).toMatchObject({ typ: "at+jwt", alg: "EdDSA" });
    expect(claims).toMatchObject({
      sub: ada.userId,
      aud: "parley",
      sid: expect.any(String),
      iss: expect.any(String),
    });
    expect(claims.exp - claims.iat).toBe(600);
    const { keys } = await ok(api.call("GET", "/.well-known/jwks.json"));
    const jwk = keys.find((key: { kid: string }) => key.kid === header.kid);
    expect(jwk).not.toHaveProperty("d");
    const key = createPublicKey({ key: jwk, format: "jwk" });
    expect(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))).toBe(true);
  });

  test("no token, a broken one and another scheme are refused", async () => {
    const ada = await api.register();
    const me = (authorization?: string) =>
      api.call("GET", "/v1/users/me", { headers: authorization === undefined ? {} : { authorization } });
    await refused(me(), 401, "UNAUTHENTICATED");
    await refused(me(`Bearer ${ada.accessToken.slice(0, -4)}AAAA`), 401, "UNAUTHENTICATED");
    await refused(me(`Basic ${ada.accessToken}`), 401, "UNAUTHENTICATED");
    await refused(me("Bearer "), 401, "UNAUTHENTICATED");
  });

  test("a refresh token is replaced at each use; the one before answers the same successor until that is used", async () => {
    const ada = await api.register();
    const first = await ok(refresh(ada.refreshToken));
    const again = await ok(refresh(ada.refreshToken));
    expect(again.tokens.refreshToken).toBe(first.tokens.refreshToken);
    const second = await ok(refresh(first.tokens.refreshToken));
    expect(second.tokens.refreshToken).not.toBe(first.tokens.refreshToken);
    await refused(refresh(ada.refreshToken), 401, "REFRESH_TOKEN_REUSED");
    await refused(refresh(second.tokens.refreshToken), 401, "SESSION_REVOKED");
    await expect.poll(() => ada.get("/v1/users/me").then((answer) => answer.status)).toBe(401);
    await refused(refresh("nothing that was ever issued"), 401, "UNAUTHENTICATED");
  });

  test("two tabs that refresh at once get the same successor", async () => {
    const ada = await api.register();
    const [one, two] = await Promise.all([ok(refresh(ada.refreshToken)), ok(refresh(ada.refreshToken))]);
    expect(one.tokens.refreshToken).toBe(two.tokens.refreshToken);
  });

  test("logout ends this session alone", async () => {
    const ada = await api.register();
    const other = await api.login(ada);
    expect(await ok(ada.post("/v1/auth/logout"))).toEqual({});
    await refused(refresh(ada.refreshToken), 401, "SESSION_REVOKED");
    await expect.poll(() => ada.get("/v1/users/me").then((answer) => answer.status)).toBe(401);
    await refused(ada.get("/v1/users/me"), 401, "SESSION_REVOKED");
    await ok(other.get("/v1/users/me"));
  });

  test("changing the password ends all other sessions", async () => {
    const ada = await api.register();
    const other = await api.login(ada);
    const change = (currentPassword: string) =>
      ada.post("/v1/auth/password", { currentPassword, newPassword: "a new password" });
    await refused(change("not the password"), 401, "WRONG_CREDENTIALS");
    expect(await ok(change(password))).toEqual({});
    await refused(refresh(other.refreshToken), 401, "SESSION_REVOKED");
    await ok(refresh(ada.refreshToken));
    await refused(login(ada.username, password), 401, "WRONG_CREDENTIALS");
    await ok(login(ada.username, "a new password"));
  });

  test("sessions are listed oldest first, paged, and can be ended", async () => {
    const ada = await api.register({ deviceName: "laptop" });
    const phone = await api.login(ada);
    const page = await ok(ada.get("/v1/auth/sessions?pageSize=1"));
    expect(page.sessions).toEqual([
      {
        sessionId: expect.any(String),
        deviceName: "laptop",
        createdAt: expect.any(String),
        lastUsedAt: expect.any(String),
        current: true,
      },
    ]);
    const rest = await ok(ada.get(`/v1/auth/sessions?pageToken=${encodeURIComponent(page.nextPageToken)}`));
    expect(rest).toMatchObject({ sessions: [{ deviceName: "", current: false }], nextPageToken: "" });
    const [{ sessionId }] = rest.sessions;
    const revoke = (person: typeof ada) => person.delete(`/v1/auth/sessions/${sessionId}`);
    const bob = await api.register();
    await refused(revoke(bob), 404, "SESSION_NOT_FOUND");
    expect(await ok(revoke(ada))).toEqual({});
    expect(await ok(revoke(ada))).toEqual({});
    await expect
      .poll(() => phone.get("/v1/users/me").then((answer) => answer.status), { timeout: 2000 })
      .toBe(401);
    expect(await badFields(ada.get("/v1/auth/sessions?pageToken=nonsense"))).toEqual(["page_token"]);
    expect(await badFields(ada.get("/v1/auth/sessions?pageSize=0"))).toEqual(["page_size"]);
    expect(await badFields(ada.get("/v1/auth/sessions?pageSize=201"))).toEqual(["page_size"]);
  });
});
