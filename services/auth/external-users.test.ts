import { describe, expect, test } from "vitest";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { bytesToId } from "../common/ids.ts";
import { createServerKeys } from "./server-keys.ts";
import {
  bearer,
  createFolder,
  createTestClock,
  logger,
  openAuthDatabase,
  refusal,
  startTestAuth,
} from "./test-auth.ts";

/** Auth with a key of an application's, made as the command does, beside the service. */
async function start(scopes = ["users:ensure", "tokens:issue"]) {
  const folder = await createFolder();
  const clock = createTestClock();
  const test = await startTestAuth({ folder, clock });
  const beside = await openAuthDatabase(folder, { beside: true });
  const keys = createServerKeys({ db: beside.kysely, logger, clock });
  const { key, row } = await keys.create({ name: "app", scopes, expiresAt: clock() + 60_000 });
  return { ...test, clock, keys, key, row, admin: test.client(AdminService), as: bearer(key) };
}

describe("EnsureUser", () => {
  test("makes one user of an external id, and finds it ever after", async () => {
    const { admin, as } = await start();
    const made = await admin.ensureUser({ externalId: "crm 7", username: "Ada", displayName: "Ada L." }, as);
    expect(made).toMatchObject({ created: true });
    expect(made.user).toMatchObject({ username: "ada", displayName: "Ada L.", externalId: "crm 7" });
    const found = await admin.ensureUser({ externalId: "crm 7", username: "other" }, as);
    expect(found).toMatchObject({ created: false, user: { userId: made.user?.userId, username: "ada" } });
  });

  test("ten at once make one", async () => {
    const { admin, as } = await start();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => admin.ensureUser({ externalId: "x" }, as)),
    );
    expect(new Set(all.map(({ user }) => user?.userId)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
  });

  test("a new display name is taken over, and found by", async () => {
    const { admin, as, users } = await start();
    const { user } = await admin.ensureUser({ externalId: "1", displayName: "Before" }, as);
    await admin.ensureUser({ externalId: "1", displayName: "Afterwards" }, as);
    const { tokens } = await admin.issueTokens({ userId: user!.userId }, as);
    const self = bearer(tokens!.accessToken);
    expect((await users.getMe({}, self)).user).toMatchObject({ displayName: "Afterwards", externalId: "1" });
    expect((await users.searchUsers({ query: "afterw" }, self)).users).toHaveLength(1);
    expect((await users.searchUsers({ query: "before" }, self)).users).toHaveLength(0);
  });

  test("a taken username is refused and makes nobody", async () => {
    const { admin, as, signUp } = await start();
    await signUp("ada");
    expect(await refusal(admin.ensureUser({ externalId: "1", username: "ADA" }, as))).toBe("USERNAME_TAKEN");
    expect((await admin.ensureUser({ externalId: "1" }, as)).created).toBe(true);
  });

  test("without a name the username tells nothing of the external id, which others don't see", async () => {
    const { admin, as, signUp, users } = await start();
    const { user } = await admin.ensureUser({ externalId: "ada@example.com" }, as);
    expect(user?.username).toMatch(/^user-[a-z0-9]{12}$/);
    const other = await signUp("other");
    const seen = await users.getUser({ userId: user!.userId }, other.as);
    expect(seen.user).toMatchObject({ username: user?.username });
    expect(seen.user?.externalId).toBeUndefined();
  });

  test("nobody can sign in as such a user with a password, nor give them one", async () => {
    const { admin, as, auth } = await start();
    const { user } = await admin.ensureUser({ externalId: "1", username: "ada" }, as);
    const password = "correct horse battery";
    expect(await refusal(auth.login({ username: "ada", password }))).toBe("WRONG_CREDENTIALS");
    const { tokens } = await admin.issueTokens({ userId: user!.userId }, as);
    const change = { currentPassword: password, newPassword: `${password}!` };
    expect(await refusal(auth.changePassword(change, bearer(tokens!.accessToken)))).toBe("WRONG_CREDENTIALS");
  });
});

describe("IssueTokens", () => {
  test("begins a session that is listed, refreshed and ended like any other", async () => {
    const { admin, as, auth } = await start();
    const { user } = await admin.ensureUser({ externalId: "1" }, as);
    const { tokens } = await admin.issueTokens({ userId: user!.userId, deviceName: "phone" }, as);
    const { sessions } = await auth.listSessions({}, bearer(tokens!.accessToken));
    expect(sessions).toMatchObject([{ deviceName: "phone", current: true }]);
    const refreshed = await auth.refresh({ refreshToken: tokens!.refreshToken });
    await auth.logout({}, bearer(refreshed.tokens!.accessToken));
    expect(await refusal(auth.refresh({ refreshToken: refreshed.tokens!.refreshToken }))).toBe(
      "SESSION_REVOKED",
    );
  });

  test.each(["01a21541-5750-700b-beec-a53add3de941", "nobody"])("there is no user %s", async (userId) => {
    const { admin, as } = await start();
    expect(await refusal(admin.issueTokens({ userId }, as))).toBe("USER_NOT_FOUND");
  });
});

describe("server keys", () => {
  const call = { externalId: "1" };

  test("only a good key is let in, and at its expiry no more", async () => {
    const { admin, as, key, clock, signUp } = await start();
    const person = await signUp("ada");
    for (const wrong of [person.as, bearer(`${key}x`), bearer(key.slice(0, -1)), bearer("parley_sk_"), {}])
      expect(await refusal(admin.ensureUser(call, wrong))).toBe("UNAUTHENTICATED");
    await admin.ensureUser(call, as);
    clock.advance(60_000);
    expect(await refusal(admin.ensureUser(call, as))).toBe("UNAUTHENTICATED");
  });

  test("a revoked one is refused from the next call on, while its successor is good", async () => {
    const { admin, as, keys, row } = await start();
    const next = await keys.create({ name: "app", scopes: ["users:ensure"], expiresAt: undefined });
    await admin.ensureUser(call, as);
    await admin.ensureUser(call, bearer(next.key));
    const [first] = await keys.list();
    expect(first?.key_id).toEqual(row.key_id);
    await keys.revoke(bytesToId(row.key_id));
    expect(await refusal(admin.ensureUser(call, as))).toBe("UNAUTHENTICATED");
    await admin.ensureUser(call, bearer(next.key));
  });

  test("a key is good for its scopes alone", async () => {
    const { admin, as } = await start(["tokens:issue"]);
    expect(await refusal(admin.ensureUser(call, as))).toBe("ROLE_TOO_LOW");
    expect(await refusal(admin.issueTokens({ userId: "x" }, as))).toBe("USER_NOT_FOUND");
  });

  test("a key opens nothing but the admin's calls", async () => {
    const { as, users } = await start();
    expect(await refusal(users.getMe({}, as))).toBe("UNAUTHENTICATED");
  });

  test("what is kept is not the key, and its use is noted", async () => {
    const { admin, as, key, keys } = await start();
    await admin.ensureUser(call, as);
    await expect.poll(async () => (await keys.list())[0]?.last_used_at).not.toBeNull();
    expect(JSON.stringify(await keys.list())).not.toContain(key.slice("parley_sk_".length));
  });
});
