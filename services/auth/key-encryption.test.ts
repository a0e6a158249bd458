import { expect, test } from "vitest";
import { createKeyEncryption } from "./key-encryption.ts";

const encryption = createKeyEncryption("one secret of thirty-two letters");
const plain = Buffer.from("a private key");

test("what was sealed opens with the same secret and name", () => {
  const sealed = encryption.seal(plain, "kid");
  expect(Buffer.from(sealed).includes(plain)).toBe(false);
  expect(createKeyEncryption("one secret of thirty-two letters").open(sealed, "kid")).toEqual(plain);
});

test("another secret, another name or other bytes don't open it", () => {
  const sealed = encryption.seal(plain, "kid");
  expect(() => createKeyEncryption("another one").open(sealed, "kid")).toThrow();
  expect(() => encryption.open(sealed, "other")).toThrow();
  const changed = Uint8Array.from(sealed, (byte, at) => (at === 20 ? byte ^ 1 : byte));
  expect(() => encryption.open(changed, "kid")).toThrow();
});

test("each purpose has a key of its own, always the same", () => {
  expect(encryption.deriveKey("a")).toEqual(encryption.deriveKey("a"));
  expect(encryption.deriveKey("a")).not.toEqual(encryption.deriveKey("b"));
});
