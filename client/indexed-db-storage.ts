import { browser, type Channel, type Database, type DatabaseRequest, type ObjectStore } from "./browser.ts";
import { createLocks, type Locks } from "./locks.ts";
import type { ParleyStorage, StorageMessage } from "./storage.ts";

const store = "values";

/**
 * Keeps everything in an IndexedDB database of this name: it survives the tab and the browser, and is shared by all tabs
 * of the origin, which agree by Web Locks and a BroadcastChannel. Where a page may have no Web Locks (over plain HTTP
 * from another machine), tabs aren't kept apart; the server then sees to it that nothing is done twice.
 */
export function createIndexedDbStorage(name: string): ParleyStorage {
  let opening: Promise<Database> | undefined;
  let underWay = 0;
  let channel: Channel | undefined;
  const listeners = new Set<(message: StorageMessage) => void>();
  const locks = webLocks(name) ?? createLocks();

  function openChannel(): Channel | undefined {
    if (channel || !browser.BroadcastChannel) return channel;
    channel = new browser.BroadcastChannel(name);
    channel.onmessage = ({ data }) => {
      for (const listener of [...listeners]) listener(data as StorageMessage);
    };
    return channel;
  }

  /** While nobody listens, nothing stays open for longer than it is used. */
  function letGo(): void {
    if (listeners.size > 0) return;
    channel?.close();
    channel = undefined;
    if (underWay > 0) return;
    void opening?.then((database) => database.close()).catch(() => {});
    opening = undefined;
  }

  async function run<T>(
    mode: "readonly" | "readwrite",
    work: (values: ObjectStore) => DatabaseRequest<T>,
  ): Promise<T> {
    underWay += 1;
    try {
      opening ??= open(name, () => {
        opening = undefined;
      });
      const transaction = (await opening).transaction(store, mode, { durability: "strict" });
      const request = work(transaction.objectStore(store));
      return await new Promise<T>((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      underWay -= 1;
      letGo();
    }
  }

  return {
    get: (key) => run("readonly", (values) => values.get(key)),
    set: async (key, value) => void (await run("readwrite", (values) => values.put(value, key))),
    delete: async (key) => void (await run("readwrite", (values) => values.delete(key))),
    async entries(prefix) {
      const range = browser.IDBKeyRange!.bound(prefix, `${prefix}\uffff`);
      // Both in one transaction, so that they fit together.
      let keys: DatabaseRequest<unknown[]> | undefined;
      const found = await run("readonly", (values) => {
        keys = values.getAllKeys(range);
        return values.getAll(range);
      });
      return (keys?.result ?? []).map((key, index) => [String(key), found[index]]);
    },
    lock: locks.run,
    announce(message) {
      openChannel()?.postMessage(message);
      letGo();
    },
    listen(listener) {
      listeners.add(listener);
      openChannel();
      return () => {
        listeners.delete(listener);
        letGo();
      };
    },
  };
}

function open(name: string, onClosed: () => void): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = browser.indexedDB!.open(name, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(store);
    request.onerror = () => {
      onClosed();
      reject(request.error);
    };
    request.onsuccess = () => {
      // The browser closes it when the person clears the site's data: the next use opens it anew.
      request.result.onclose = onClosed;
      request.result.onversionchange = () => {
        request.result.close();
        onClosed();
      };
      resolve(request.result);
    };
  });
}

function webLocks(prefix: string): Locks | undefined {
  const locks = browser.navigator?.locks;
  if (!locks) return undefined;
  return {
    run: <T>(name: string, work: () => Promise<T>) => locks.request(`${prefix} ${name}`, work) as Promise<T>,
  };
}
