import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { readEnvironment } from "../common/config.ts";
import { readAuthConfig } from "./config.ts";
import { createDeadSessions } from "./dead-sessions.ts";
import { secretFileName } from "./key-encryption-secret.ts";
import { openAuthDatabase, password, refusal, startTestAuth } from "./test-auth.ts";

test("access tokens say what the contract says, and the key set verifies them", async () => {
  const service = await startTestAuth();
  const { user, tokens } = await service.auth.register({ username: "alice", password });
  const keySet = JSON.parse((await service.internal.getKeySet({})).jwksJson);
  const { payload, protectedHeader } = await jwtVerify(tokens?.accessToken ?? "", createLocalJWKSet(keySet));
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "at+jwt", kid: keySet.keys[0].kid });
  const iat = Number(payload.iat);
  const sid = expect.stringMatching(/^[0-9a-f-]{36}$/);
  expect(payload).toEqual({ sub: user?.userId, sid, iss: "parley", aud: "parley", iat, exp: iat + 600 });
  expect(Number(tokens?.accessTokenExpiresAt?.seconds)).toBe(iat + 600);
});

test("tokens of before a restart are good after it", async () => {
  const before = await startTestAuth();
  const alice = await before.signUp("alice");
  await before.close();
  const after = await startTestAuth({ folder: before.folder });
  expect((await after.users.getMe({}, alice.as)).user?.username).toBe("alice");
});

test("a watcher of revocations is synced, then hears of each, until the service closes", async () => {
  const service = await startTestAuth();
  const alice = await service.signUp("alice");
  const steps = service.internal.watchRevocations({})[Symbol.asyncIterator]();
  expect((await steps.next()).value).toMatchObject({ revocations: [], synced: true });
  const { sessions } = await service.auth.listSessions({}, alice.as);
  await service.auth.logout({}, alice.as);
  const { value } = await steps.next();
  expect(value?.revocations).toMatchObject([{ sessionId: sessions[0]?.sessionId }]);
  const end = refusal(steps.next());
  await service.close();
  expect(await end).toBe("UNAVAILABLE");
});

test("without its secret, or with another one, it doesn't start and says why", async () => {
  const { folder, close } = await startTestAuth();
  await close();
  const env = { PARLEY_KEY_ENCRYPTION_SECRET: "quite another secret of 32 letters" };
  await expect(startTestAuth({ folder, env })).rejects.toThrow(/not the one that the signing keys/);
  await unlink(join(folder, secretFileName));
  await expect(startTestAuth({ folder })).rejects.toThrow(/is missing/);
  expect(await readdir(folder)).not.toContain(secretFileName);
});

test("sessions are kept while anyone may ask for them, then deleted", async () => {
  const { folder, close, signUp, auth, clock } = await startTestAuth();
  const alice = await signUp("alice");
  await signUp("bob");
  await auth.logout({}, alice.as);
  await close();
  const { kysely: db } = await openAuthDatabase(folder);
  const deadSessions = createDeadSessions({ db, tokenLifetimeMs: 600_000, clock });
  const left = async () => {
    await deadSessions.remove();
    return (await db.selectFrom("session").select("session_id").execute()).length;
  };
  clock.advance(29 * 86_400_000);
  expect(await left()).toBe(2);
  clock.advance(2 * 86_400_000);
  expect(await left()).toBe(0);
});

test("the configuration names everything that is wrong with it", () => {
  const reader = readEnvironment({
    PARLEY_DATABASE_URL: "postgres://x",
    PARLEY_KEY_ENCRYPTION_SECRET: "short",
    PARLEY_SIGNING_KEY_ROTATION: "1h",
    PARLEY_SIGNING_KEY_LEAD: "1h",
    PARLEY_LIMIT_LOGINS_PER_ACCOUNT: "often",
  });
  readAuthConfig(reader);
  for (const name of [
    "DATABASE_URL",
    "KEY_ENCRYPTION_SECRET",
    "SIGNING_KEY_ROTATION",
    "LIMIT_LOGINS_PER_ACCOUNT",
  ]) {
    expect(() => reader.finish()).toThrow(`PARLEY_${name}`);
  }
});
