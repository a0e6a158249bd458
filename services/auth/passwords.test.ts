import { expect, test } from "vitest";
import { createPasswords, defaultPasswordCost } from "./passwords.ts";
import { createWorkQueue } from "./work-queue.ts";

const cheap = { memoryCost: 64, timeCost: 1, parallelism: 1 };
const queue = createWorkQueue({ concurrency: 2, maxWaiting: 10, refusal: "too much" });

test("a hash is Argon2id at the cost that OWASP recommends, and tells right from wrong", async () => {
  const passwords = await createPasswords({ queue, cost: defaultPasswordCost });
  const hash = await passwords.hash("correct horse");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.verify(hash, "correct horse")).toBe(true);
  expect(await passwords.verify(hash, "Correct horse")).toBe(false);
});

test("the same letters are the same password, however they were encoded", async () => {
  const passwords = await createPasswords({ queue, cost: cheap });
  const hash = await passwords.hash("caf\u00e9-latte");
  expect(await passwords.verify(hash, "cafe\u0301-latte")).toBe(true);
  expect(await passwords.verify(hash, "cafe-latte")).toBe(false);
});

test("without a hash the same work is done, for nothing", async () => {
  const hashed: unknown[] = [];
  const counting = {
    async run<T>(work: () => Promise<T>) {
      hashed.push(work);
      return work();
    },
  };
  const passwords = await createPasswords({ queue: counting, cost: cheap });
  expect(await passwords.verify(undefined, "whatever")).toBe(false);
  expect(hashed).toHaveLength(1);
});

test("a hash of another cost is outdated", async () => {
  const passwords = await createPasswords({ queue, cost: cheap });
  const today = await createPasswords({ queue, cost: { ...cheap, timeCost: 2 } });
  const hash = await passwords.hash("correct horse");
  expect(passwords.isOutdated(hash)).toBe(false);
  expect(today.isOutdated(hash)).toBe(true);
  expect(await today.verify(hash, "correct horse")).toBe(true);
});
