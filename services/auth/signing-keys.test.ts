import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { createAccessTokens } from "./access-tokens.ts";
import { KeyEncryptionSecretError } from "./errors.ts";
import { createKeyEncryption } from "./key-encryption.ts";
import { openSigningKeys, type SigningKeys } from "./signing-keys.ts";
import { createFolder, createTestClock, logger, openAuthDatabase } from "./test-auth.ts";

const hour = 3_600_000;
const schedule = { rotationMs: 24 * hour, leadMs: hour, tokenLifetimeMs: hour / 6 };
const encryption = createKeyEncryption("the secret of the data folder");

async function startKeys() {
  const { kysely: db } = await openAuthDatabase(await createFolder());
  const clock = createTestClock();
  const open = (used = encryption) => openSigningKeys({ db, encryption: used, schedule, clock, logger });
  const keys = await open();
  const tokens = createAccessTokens({ keys, issuer: "test", lifetimeMs: schedule.tokenLifetimeMs, clock });
  const issue = () => tokens.issue({ userId: "user", sessionId: "session" });
  return { db, clock, open, keys, issue };
}

const kids = (keys: SigningKeys) => keys.keySet().keys.map(({ kid }) => kid);

/** Whether anyone who has the key set takes the token, at that time. */
async function isGood(token: { text: string }, keySet: ReturnType<SigningKeys["keySet"]>, now: number) {
  const options = { algorithms: ["EdDSA"], typ: "at+jwt", issuer: "test", audience: "parley" };
  const verified = jwtVerify(token.text, createLocalJWKSet(keySet), {
    ...options,
    currentDate: new Date(now),
  });
  return verified.then(
    ({ payload }) => payload.sub === "user" && payload.sid === "session",
    () => false,
  );
}

test("the first key is made, published without its private part, and found again", async () => {
  const { clock, open, keys, issue } = await startKeys();
  const token = await issue();
  expect(token.expiresAt % 1000).toBe(0);
  const { keys: published } = keys.keySet();
  expect(published).toEqual([
    { kty: "OKP", crv: "Ed25519", x: expect.any(String), kid: keys.current().kid, alg: "EdDSA", use: "sig" },
  ]);
  const again = await open();
  expect(again.current().kid).toBe(keys.current().kid);
  expect(await isGood(token, again.keySet(), clock())).toBe(true);
});

test("a key is published before it signs, and stays until its last token is dead", async () => {
  const { clock, keys, issue } = await startKeys();
  const first = keys.current().kid;
  clock.advance(schedule.rotationMs - schedule.leadMs - 60_000);
  await keys.maintain();
  expect(kids(keys)).toEqual([first]);

  clock.advance(60_000);
  await keys.maintain();
  const [, second] = kids(keys);
  expect(second).toBeTruthy();
  const cachedSet = keys.keySet();
  expect(keys.current().kid).toBe(first);

  clock.advance(schedule.leadMs - 1_000);
  const lastOfFirst = await issue();
  clock.advance(1_000);
  expect(keys.current().kid).toBe(second);
  expect(await isGood(await issue(), cachedSet, clock())).toBe(true);

  clock.advance(schedule.tokenLifetimeMs - 2_000);
  await keys.maintain();
  expect(await isGood(lastOfFirst, keys.keySet(), clock())).toBe(true);

  clock.advance(schedule.leadMs + 4_000);
  await keys.maintain();
  expect(kids(keys)).toEqual([second]);
});

test("replicas make one successor between them and sign with the same key", async () => {
  const { clock, open, keys } = await startKeys();
  const other = await open();
  clock.advance(schedule.rotationMs - schedule.leadMs);
  await Promise.all([keys.maintain(), other.maintain()]);
  await Promise.all([keys.maintain(), other.maintain()]);
  expect(kids(keys)).toHaveLength(2);
  expect(kids(other)).toEqual(kids(keys));
  clock.advance(schedule.leadMs);
  expect(other.current().kid).toBe(keys.current().kid);
});

test("the database holds no private key in the clear", async () => {
  const { db, keys } = await startKeys();
  const row = await db.selectFrom("signing_key").selectAll().executeTakeFirstOrThrow();
  const plain = keys.current().privateKey.export({ format: "der", type: "pkcs8" });
  expect(Buffer.from(row.encrypted_private_key).includes(plain.subarray(-32))).toBe(false);
});

test("another secret doesn't open the keys, and the error says what to do", async () => {
  const { open } = await startKeys();
  const opening = open(createKeyEncryption("the secret of another folder"));
  await expect(opening).rejects.toThrow(KeyEncryptionSecretError);
  await expect(opening).rejects.toThrow(/PARLEY_KEY_ENCRYPTION_SECRET/);
});
