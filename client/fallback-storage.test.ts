import { expect, test } from "vitest";
import { createFallbackStorage } from "./fallback-storage.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import type { ParleyStorage } from "./storage.ts";

/** Two storages, of which the first can be broken, and holds its answers back at a gate. */
function setUp() {
  const state = { isBroken: false, gate: Promise.resolve() };
  const [inner, second] = [createMemoryStorage(), createMemoryStorage()];
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    const { isBroken } = state;
    await state.gate;
    if (isBroken) throw new Error("forbidden here");
    return work();
  }
  const first: ParleyStorage = {
    ...inner,
    get: (key) => guarded(() => inner.get(key)),
    set: (key, value) => guarded(() => inner.set(key, value)),
    delete: (key) => guarded(() => inner.delete(key)),
    entries: (prefix) => guarded(() => inner.entries(prefix)),
  };
  return { state, inner, second, first, storage: createFallbackStorage(first, second) };
}

test("the first is used as long as it works", async () => {
  const { storage, inner, second } = setUp();
  await storage.set("a", 1);
  expect(await storage.get("a")).toBe(1);
  expect(await storage.entries("")).toEqual([["a", 1]]);
  expect(await inner.get("a")).toBe(1);
  expect(await second.entries("")).toEqual([]);
  await storage.delete("a");
  expect(await inner.entries("")).toEqual([]);
});

test("the second does all, from what was asked first, if the first doesn't work at all", async () => {
  const { storage, state, inner, second } = setUp();
  state.isBroken = true;
  await storage.set("a", 1);
  expect(await second.get("a")).toBe(1);
  // Else what was kept would be gone.
  state.isBroken = false;
  expect(await storage.get("a")).toBe(1);
  expect(await storage.entries("")).toEqual([["a", 1]]);
  await storage.delete("a");
  expect(await second.entries("")).toEqual([]);
  expect(await inner.entries("")).toEqual([]);
});

test("all that is asked at once goes to the second", async () => {
  const { storage, state, second } = setUp();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  state.isBroken = true;
  const asked = [storage.get("a"), storage.set("b", 2), storage.set("c", 3)];
  gate.resolve();
  expect(await Promise.all(asked)).toEqual([undefined, undefined, undefined]);
  expect(await second.entries("")).toEqual([
    ["b", 2],
    ["c", 3],
  ]);
});

test("a failure of one that has worked is told, and changes nothing", async () => {
  const { storage, state, second } = setUp();
  await storage.set("a", 1);
  state.isBroken = true;
  await expect(storage.set("a", 2)).rejects.toThrow("forbidden here");
  expect(await second.entries("")).toEqual([]);
  state.isBroken = false;
  expect(await storage.get("a")).toBe(1);
});

test("a failure of the second is told, and it isn't asked again", async () => {
  const { storage, state, second } = setUp();
  state.isBroken = true;
  await storage.get("a");
  let tries = 0;
  second.get = async () => {
    tries += 1;
    throw new Error("full");
  };
  await expect(storage.get("a")).rejects.toThrow("full");
  expect(tries).toBe(1);
});

test("what tabs agree by is the first's, as far as it has that", () => {
  const { storage, first, second } = setUp();
  expect(storage.lock).toBe(first.lock);
  expect(storage.listen).toBe(first.listen);
  expect(storage.announce).toBe(first.announce);
  const { get, set, entries, delete: remove } = first;
  const plain = createFallbackStorage({ get, set, entries, delete: remove }, second);
  expect(Object.keys(plain).sort()).toEqual(["delete", "entries", "get", "set"]);
});
