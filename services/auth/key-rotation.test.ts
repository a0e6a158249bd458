import { decodeProtectedHeader } from "jose";
import { expect, test } from "vitest";
import { bearer, createTestClock, password, refusal, startTestAuth, type TestAuth } from "./test-auth.ts";

/** One for each token: the oldest must not end for the newest. */
const maxSessionsPerUser = 100_000;
/** Two rotations within seconds. */
const schedule = { rotationMs: 1_500, leadMs: 600, tokenLifetimeMs: 600_000 };

async function tokenOf({ auth }: TestAuth): Promise<string> {
  const { tokens } = await auth.login({ username: "alice", password });
  return tokens?.accessToken ?? "";
}

async function publishedBy({ internal }: TestAuth): Promise<Set<string>> {
  const { keys } = JSON.parse((await internal.getKeySet({})).jwksJson);
  return new Set(keys.map(({ kid }: { kid: string }) => kid));
}

test("a running service changes its key without a token refused", { timeout: 30_000 }, async () => {
  const service = await startTestAuth({
    clock: createTestClock(),
    config: { keySchedule: schedule, maxSessionsPerUser },
  });
  await service.signUp("alice");
  const tokens: string[] = [];
  const signed = new Set<string>();
  /** The key set of somebody who asks several times within a lead. */
  let known = await publishedBy(service);
  let askedAt = Date.now();
  const isGood = async (token: string) => refusal(service.users.getMe({}, bearer(token)));

  await expect
    .poll(
      async () => {
        const token = await tokenOf(service);
        const { kid = "" } = decodeProtectedHeader(token);
        // On a machine that is too busy they asked too long ago to be owed it.
        if (Date.now() - askedAt < schedule.leadMs / 2) expect(known).toContain(kid);
        if (Date.now() - askedAt > schedule.leadMs / 4) {
          askedAt = Date.now();
          known = await publishedBy(service);
        }
        if (!signed.has(kid)) tokens.push(token);
        signed.add(kid);
        return signed.size;
      },
      { timeout: 20_000, interval: 20 },
    )
    .toBe(3);

  expect(await Promise.all(tokens.map(isGood))).toEqual([undefined, undefined, undefined]);
  for (const kid of signed) expect(await publishedBy(service)).toContain(kid);
});
