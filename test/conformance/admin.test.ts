import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, createApi, ok, openApi, refused, uniqueName } from "./api.ts";
import { parleyKeys, serverKeyFor } from "./server-key.ts";
import { settings } from "./settings.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

type Admin = ReturnType<typeof adminOf>;

const adminOf = (api: Api) => ({
  ensure: (token: string, body: object) => api.call("POST", "/v1/admin/users:ensure", { token, body }),
  issue: (token: string, userId: string) =>
    api.call("POST", `/v1/admin/users/${userId}:issueTokens`, { token, body: { deviceName: "shop" } }),
});

describe.each(settings)("an application that embeds Parley: $name", ({ running, surface }) => {
  let api: Api;
  let key: string;

  beforeAll(async () => {
    const stack = await running();
    api = await openApi(stack, surface);
    key = await serverKeyFor(stack);
  });
  afterAll(() => api.close());

  const ensure: Admin["ensure"] = (...call) => adminOf(api).ensure(...call);
  const issue: Admin["issue"] = (...call) => adminOf(api).issue(...call);

  test("makes a user, gets their tokens, and they are somebody like all others", async () => {
    const externalId = uniqueName("customer");
    const body = { externalId, displayName: "Ada" };
    const { user, created } = await ok(ensure(key, body));
    expect([created, user.externalId, user.displayName]).toEqual([true, externalId, "Ada"]);
    expect(await ok(ensure(key, body))).toEqual({ user, created: false });
    const renamed = await ok(ensure(key, { ...body, displayName: "Countess" }));
    expect(renamed).toEqual({ user: { ...user, displayName: "Countess" }, created: false });

    const { tokens } = await ok(issue(key, user.userId));
    const token = tokens.accessToken;
    expect((await ok(api.call("GET", "/v1/users/me", { token }))).user).toEqual(renamed.user);
    const { sessions } = await ok(api.call("GET", "/v1/auth/sessions", { token }));
    expect(sessions).toMatchObject([{ deviceName: "shop", current: true }]);
    const other = await api.register();
    const memberIds = [other.userId];
    const { room } = await ok(
      api.call("POST", "/v1/rooms", { token, body: { name: "Tea", memberIds, topic: "" } }),
    );
    await ok(
      other.post(`/v1/rooms/${room.roomId}/messages`, { clientId: "1", text: "how do you do, customer?" }),
    );
    const { messages } = await ok(api.call("GET", `/v1/rooms/${room.roomId}/messages`, { token }));
    expect(messages).toMatchObject([{ authorId: other.userId }]);
    const refresh = { refreshToken: tokens.refreshToken };
    await ok(api.call("POST", "/v1/auth/refresh", { body: refresh }));
  });

  test("its ids of people are for itself and for them", async () => {
    const { user } = await ok(ensure(key, { externalId: uniqueName("business") }));
    expect(user.username).not.toContain("business");
    const other = await api.register();
    const seen = [
      await ok(other.get(`/v1/users/${user.userId}`)),
      await ok(other.post("/v1/users:batchGet", { userIds: [user.userId] })),
      await ok(other.get(`/v1/users?query=${user.username}`)),
    ];
    for (const each of seen) {
      expect(JSON.stringify(each)).toContain(user.userId);
      expect(JSON.stringify(each)).not.toMatch(/externalId|business/);
    }
  });

  test("has one user of an id, however many of its processes ask at once", async () => {
    const externalId = uniqueName();
    const all = await Promise.all(Array.from({ length: 10 }, () => ok(ensure(key, { externalId }))));
    expect(new Set(all.map(({ user }) => user.userId)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
  });
});

/** By one surface: it is the command line's matter, and surfaces.test.ts compares how all refuse a key. */
describe.each(sharedTopologies)("server keys: $name", (topology) => {
  test("replaces its key without a gap; a revoked one is refused at once, and none is in the log", async () => {
    const stack = await sharedStack(topology);
    const { ensure, issue } = adminOf(createApi(stack.url));
    const name = uniqueName("old");
    const [old, next] = await Promise.all([
      parleyKeys(stack, "create", "--name", name, "--scopes", "users:ensure"),
      serverKeyFor(stack, "--expires", "90d"),
    ]);
    const externalId = uniqueName();
    const { user } = await ok(ensure(old, { externalId }));
    expect(await ok(ensure(next, { externalId }))).toEqual({ user, created: false });
    await refused(issue(old, user.userId), 403, "ROLE_TOO_LOW");
    await ok(issue(next, user.userId));

    const listed = JSON.parse(await parleyKeys(stack, "list", "--json")) as {
      name: string;
      keyId: string;
      lastUsedAt: string | null;
    }[];
    for (const each of [old, next]) expect(JSON.stringify(listed)).not.toContain(each);
    const { keyId, lastUsedAt } = listed.find((each) => each.name === name)!;
    expect(lastUsedAt).not.toBeNull();
    expect(await parleyKeys(stack, "revoke", keyId)).toContain("revoked");
    await refused(ensure(old, { externalId }), 401, "UNAUTHENTICATED");
    await ok(ensure(next, { externalId }));
    const output = await stack.output();
    for (const each of [old, next]) expect(output).not.toContain(each);
  });
});
