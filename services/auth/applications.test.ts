import { expect, test } from "vitest";
import { hashServerKey } from "../common/auth/server-key.ts";
import { openDatabaseBeside } from "../common/database/database.ts";
import { testDatabaseUrl } from "../common/database/test-place.ts";
import { reasonOf } from "../common/errors.ts";
import { migrations } from "./db/migrations/migrations.ts";
import type { AuthTables } from "./db/tables.ts";
import { createServerKeys } from "./server-keys.ts";
import {
  bearer,
  createFolder,
  logger,
  openAuthDatabase,
  password,
  refusal,
  startTestAuth,
  type TestAuth,
} from "./test-auth.ts";

const allScopes = ["users:ensure", "tokens:issue"];

async function openBeside(folder: string) {
  const url = await testDatabaseUrl(folder);
  return openDatabaseBeside<AuthTables>({ url, name: "auth", migrations, logger });
}

/** What `parley keys` does, while the service runs. */
async function keysOf({ folder, clock }: TestAuth) {
  const database = await openBeside(folder);
  const keys = createServerKeys({ db: database.kysely, clock, logger });
  return { ...keys, [Symbol.asyncDispose]: () => database.close() };
}

async function startWithKey() {
  const service = await startTestAuth();
  await using keys = await keysOf(service);
  const { key } = await keys.create({ name: "shop", scopes: allScopes, expiresAt: undefined });
  return { ...service, service, as: bearer(key) };
}

test("an external id has one user, whose display name follows", async () => {
  const { admin, users, as } = await startWithKey();
  const first = await admin.ensureUser({ externalId: "42", displayName: "Ada" }, as);
  expect(first).toMatchObject({ created: true, user: { externalId: "42", displayName: "Ada" } });
  expect(first.user?.username).toMatch(/^user-[0-9a-f]{20}$/);
  const again = await admin.ensureUser({ externalId: "42", username: "ada", displayName: "Ada L." }, as);
  expect(again).toMatchObject({
    created: false,
    user: { userId: first.user?.userId, username: first.user?.username, displayName: "Ada L." },
  });
  expect((await admin.ensureUser({ externalId: "42" }, as)).user?.displayName).toBe("Ada L.");

  const { tokens } = await admin.issueTokens({ userId: first.user?.userId ?? "", deviceName: "web" }, as);
  const ada = bearer(tokens?.accessToken ?? "");
  expect((await users.getMe({}, ada)).user).toMatchObject({ externalId: "42", displayName: "Ada L." });
  expect((await users.searchUsers({ query: "ada l" }, ada)).users).toHaveLength(1);
});

test("an external id is shown to oneself and to server keys, to nobody else", async () => {
  const { admin, users, signUp, as } = await startWithKey();
  const { user } = await admin.ensureUser({ externalId: "ada@example.org", username: "ada" }, as);
  const bob = await signUp("bob");
  const seen = await users.getUser({ userId: user?.userId ?? "" }, bob.as);
  expect(seen.user?.externalId).toBeUndefined();
  const found = await users.searchUsers({ query: "ada" }, bob.as);
  expect(found.users.map(({ externalId }) => externalId)).toEqual([undefined]);
});

test("calls at the same time make one user", async () => {
  const { admin, as } = await startWithKey();
  const calls = Array.from({ length: 8 }, () => admin.ensureUser({ externalId: "x" }, as));
  const answers = await Promise.all(calls);
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  expect(new Set(answers.map(({ user }) => user?.userId)).size).toBe(1);
});

test("of too many new people at once some are refused before they are begun; the others are made", async () => {
  const { admin, as } = await startWithKey();
  // However slow the database is, none is to end for waiting too long.
  const ensure = (i: number) => admin.ensureUser({ externalId: `crowd-${i}` }, { ...as, timeoutMs: 50_000 });
  const outcomes = await Promise.allSettled(Array.from({ length: 1500 }, (_, i) => ensure(i)));
  const refusals = outcomes
    .filter((each) => each.status === "rejected")
    .map(({ reason }) => reasonOf(reason));
  expect(refusals.length).toBeGreaterThan(0);
  expect(new Set(refusals)).toEqual(new Set(["OVERLOADED"]));
  const again = outcomes.map(({ status }, i) => ({ status, i })).filter(({ i }) => i % 50 === 0);
  for (const { status, i } of again) expect((await ensure(i)).created).toBe(status === "rejected");
}, 60_000);

test("who comes back waits for nobody who writes", async () => {
  const { admin, service, as } = await startWithKey();
  const wanted = { externalId: "x", displayName: "Ada" };
  const first = await admin.ensureUser(wanted, as);
  const database = await openBeside(service.folder);
  const writing = await database.kysely.startTransaction().execute();
  expect(await admin.ensureUser(wanted, as)).toEqual({ ...first, created: false });
  await writing.rollback().execute();
  await database.close();
});

test("a name that someone has is refused, and makes no user", async () => {
  const { admin, signUp, as } = await startWithKey();
  await signUp("ada");
  expect(await refusal(admin.ensureUser({ externalId: "1", username: "ADA" }, as))).toBe("USERNAME_TAKEN");
  expect(await admin.ensureUser({ externalId: "1", username: "Ada2" }, as)).toMatchObject({
    created: true,
    user: { username: "ada2", displayName: "ada2" },
  });
  expect(await refusal(admin.ensureUser({ externalId: "", username: "a" }, as))).toBe("INVALID_ARGUMENT");
});

test("tokens are for users that exist, with a password or without", async () => {
  const { admin, auth, signUp, as } = await startWithKey();
  for (const userId of ["", "x", "01890000-0000-7000-8000-000000000000"])
    expect(await refusal(admin.issueTokens({ userId }, as))).toBe("USER_NOT_FOUND");
  const bob = await signUp("bob");
  const { tokens } = await admin.issueTokens({ userId: bob.userId, deviceName: "shop" }, as);
  const { sessions } = await auth.listSessions({}, bearer(tokens?.accessToken ?? ""));
  expect(sessions).toMatchObject([{ current: false }, { deviceName: "shop", current: true }]);
  expect((await auth.refresh({ refreshToken: tokens?.refreshToken ?? "" })).tokens).toBeDefined();
});

test("whoever has no password can't sign in with one, nor get one", async () => {
  const { admin, auth, as } = await startWithKey();
  const { user } = await admin.ensureUser({ externalId: "1", username: "ada" }, as);
  const { tokens } = await admin.issueTokens({ userId: user?.userId ?? "" }, as);
  const ada = bearer(tokens?.accessToken ?? "");
  for (const guess of [password, "x"]) {
    const login = auth.login({ username: "ada", password: guess });
    expect(await refusal(login)).toBe("WRONG_CREDENTIALS");
    const change = auth.changePassword({ currentPassword: guess, newPassword: password }, ada);
    expect(await refusal(change)).toBe("WRONG_CREDENTIALS");
  }
});

test("a key is good for its scopes, from its making to its end", async () => {
  const service = await startTestAuth();
  const { admin, clock } = service;
  await using keys = await keysOf(service);
  const expiresAt = clock() + 60_000;
  const users = await keys.create({ name: "users", scopes: ["users:ensure"], expiresAt });
  const tokens = await keys.create({ name: "tokens", scopes: ["tokens:issue"], expiresAt: undefined });
  const ensure = (key: string) => refusal(admin.ensureUser({ externalId: "1" }, bearer(key)));
  const issue = (key: string) => refusal(admin.issueTokens({ userId: "x" }, bearer(key)));

  expect([await ensure(users.key), await issue(users.key)]).toEqual([undefined, "ROLE_TOO_LOW"]);
  expect([await ensure(tokens.key), await issue(tokens.key)]).toEqual(["ROLE_TOO_LOW", "USER_NOT_FOUND"]);
  expect(await keys.list()).toMatchObject([
    { lastUsedAt: expect.any(Number) },
    { lastUsedAt: expect.any(Number) },
  ]);

  clock.advance(60_000);
  expect(await ensure(users.key)).toBe("TOKEN_EXPIRED");
  expect(await keys.revoke(tokens.keyId)).toBe(true);
  expect(await issue(tokens.key)).toBe("UNAUTHENTICATED");
  expect(await keys.revoke(tokens.keyId)).toBe(true);
  expect(await keys.revoke("nothing")).toBe(false);
});

test("calls at the same time note the use of their key once", async () => {
  const database = await openAuthDatabase(await createFolder());
  const notes: string[] = [];
  const db = database.kysely.withPlugin({
    transformQuery({ node }) {
      if (node.kind === "UpdateQueryNode") notes.push(node.kind);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const keys = createServerKeys({ db, clock: Date.now, logger });
  const { key } = await keys.create({ name: "shop", scopes: allScopes, expiresAt: undefined });
  const check = () => keys.check(hashServerKey(key), "users:ensure");
  await Promise.all(Array.from({ length: 20 }, check));
  await check();
  expect(notes).toHaveLength(1);
});

test("what is no key lets nobody in, and the database has none in the clear", async () => {
  const service = await startTestAuth();
  const { admin, folder } = service;
  const person = await service.signUp("ann");
  await using keys = await keysOf(service);
  const { key } = await keys.create({ name: "shop", scopes: allScopes, expiresAt: undefined });
  const token = (person.as.headers as { authorization: string }).authorization.slice("Bearer ".length);
  for (const wrong of ["x", token, key.toUpperCase(), key.slice(0, -1), `${key.slice(0, -1)}~`, ` ${key}`])
    expect(await refusal(admin.ensureUser({ externalId: "1" }, bearer(wrong)))).toBe("UNAUTHENTICATED");
  const { users } = service;
  expect(await refusal(users.getMe({}, bearer(key)))).toBe("UNAUTHENTICATED");
  const { readFileSync, readdirSync } = await import("node:fs");
  for (const name of readdirSync(folder).filter((each) => each.startsWith("auth.db")))
    expect(readFileSync(`${folder}/${name}`).includes(key.slice(10))).toBe(false);
});
