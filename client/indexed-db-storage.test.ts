import { afterEach, expect, test, vi } from "vitest";
import { createIndexedDbStorage } from "./indexed-db-storage.ts";
import { completeStorage } from "./storage-locks.ts";

afterEach(() => void vi.unstubAllGlobals());

/** A browser's databases and channels, as far as the storage uses them: Node has none of the former. */
function setUp() {
  const values = new Map<string, unknown>();
  const open = { databases: 0, channels: 0 };
  const gate = { opened: Promise.resolve(), done: Promise.resolve() };
  const request = <T>(result: T) => ({ result });
  const store = {
    get: (key: string) => request(values.get(key)),
    put: (value: unknown, key: string) => request(void values.set(key, value)),
    delete: (key: string) => request(void values.delete(key)),
  };
  function openDatabase() {
    let isOpen = true;
    open.databases += 1;
    return {
      close() {
        if (isOpen) open.databases -= 1;
        isOpen = false;
      },
      transaction() {
        if (!isOpen) throw new DOMException("it is closing", "InvalidStateError");
        const transaction = { objectStore: () => store, oncomplete: () => {} };
        void gate.done.then(() => setImmediate(() => transaction.oncomplete()));
        return transaction;
      },
    };
  }
  vi.stubGlobal("indexedDB", {
    open() {
      const opening = { result: undefined as unknown, onsuccess: () => {} };
      void gate.opened.then(() => {
        opening.result = openDatabase();
        opening.onsuccess();
      });
      return opening;
    },
  });
  const { BroadcastChannel } = globalThis;
  class Channel extends BroadcastChannel {
    constructor(name: string) {
      super(name);
      open.channels += 1;
    }
    override close() {
      open.channels -= 1;
      super.close();
    }
  }
  vi.stubGlobal("BroadcastChannel", Channel);
  /** A client's, as another tab would have it. */
  const client = () => completeStorage(createIndexedDbStorage("test"));
  return { open, gate, client };
}

test("what clients tell each other is heard by the others", async () => {
  const { client } = setUp();
  const [one, two] = [client(), client()];
  const [own, heard] = [vi.fn(), vi.fn()];
  one.listen(own);
  two.listen(heard);
  one.announce({ type: "news" });
  await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
  expect(heard.mock.calls[0]![0]).toMatchObject({ type: "news" });
  expect(own).not.toHaveBeenCalled();
  one.detach();
  two.detach();
});

test("a client that is closed holds nothing, whatever it does late", async () => {
  const { open, gate, client } = setUp();
  const [one, two] = [client(), client()];
  const [opened, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  [gate.opened, gate.done] = [opened.promise, done.promise];
  const heard = vi.fn();
  one.listen(() => {});
  two.listen(heard);
  const writing = one.set("a", 1).then(() => one.announce({ type: "written" }));
  one.detach();
  opened.resolve();
  done.resolve();
  await writing;
  await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
  expect(await one.get("a")).toBe(1);
  await vi.waitFor(() => expect(open.databases).toBe(0));
  two.detach();
  expect(open.channels).toBe(0);
});

test("one that connects again hears again", async () => {
  const { open, client } = setUp();
  const [one, two] = [client(), client()];
  const heard = vi.fn();
  one.listen(heard);
  await one.set("a", 1);
  expect(open).toEqual({ databases: 1, channels: 2 });
  one.detach();
  two.announce({ type: "missed" });
  one.attach();
  one.attach();
  two.announce({ type: "heard" });
  await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
  expect(heard.mock.calls[0]![0]).toMatchObject({ type: "heard" });
  expect(await one.get("a")).toBe(1);
  one.detach();
  two.detach();
  await vi.waitFor(() => expect(open).toEqual({ databases: 0, channels: 0 }));
});
