import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeyEncryptionSecretError } from "./errors.ts";
import { loadKeyEncryptionSecret, secretFileName } from "./key-encryption-secret.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-secret-"));
});

afterEach(() => rm(folder, { recursive: true }));

const load = (source: { given?: string; inUse?: boolean } = {}) =>
  loadKeyEncryptionSecret({ given: source.given, folder, inUse: source.inUse ?? false });

test("the first start makes it, for the owner's eyes only, and later starts find it", async () => {
  const secret = await load();
  expect(secret.length).toBeGreaterThanOrEqual(32);
  expect((await stat(join(folder, secretFileName))).mode & 0o777).toBe(0o600);
  expect(await load({ inUse: true })).toBe(secret);
  expect(await readdir(folder)).toEqual([secretFileName]);
});

test("those who start together agree", async () => {
  const secrets = await Promise.all([load(), load(), load()]);
  expect(new Set(secrets).size).toBe(1);
  expect(await readdir(folder)).toEqual([secretFileName]);
});

test("a given one is not kept", async () => {
  expect(await load({ given: "given", inUse: true })).toBe("given");
  expect(await readdir(folder)).toEqual([]);
});

test("a lost one is not replaced while keys are encrypted with it", async () => {
  await expect(load({ inUse: true })).rejects.toThrow(KeyEncryptionSecretError);
  expect(await readdir(folder)).toEqual([]);
});

test("a mutilated one is refused", async () => {
  await writeFile(join(folder, secretFileName), "short\n");
  await expect(load()).rejects.toThrow(/32 characters/);
});
