/**
 * What a browser has and Node has not, as far as it is used here, and typed here: the client is compiled with the types
 * of either. Everything may be absent.
 */
export interface BrowserGlobals {
  readonly location?: { readonly origin: string };
  readonly document?: PageEvents & { readonly visibilityState: string };
  readonly indexedDB?: { open(name: string, version: number): OpenRequest };
  readonly IDBKeyRange?: { bound(lower: string, upper: string): unknown };
  readonly navigator?: { readonly locks?: LockManager };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly addEventListener?: PageEvents["addEventListener"];
  readonly removeEventListener?: PageEvents["removeEventListener"];
}

interface PageEvents {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

interface LockManager {
  request(name: string, work: () => Promise<unknown>): Promise<unknown>;
}

export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  close(): void;
}

export interface Database {
  onclose: (() => void) | null;
  onversionchange: (() => void) | null;
  close(): void;
  createObjectStore(name: string): unknown;
  transaction(
    store: string,
    mode: "readonly" | "readwrite",
    options?: { durability: "strict" },
  ): DatabaseTransaction;
}

export interface DatabaseTransaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): ObjectStore;
}

export interface ObjectStore {
  get(key: string): DatabaseRequest<unknown>;
  put(value: unknown, key: string): DatabaseRequest<unknown>;
  delete(key: string): DatabaseRequest<unknown>;
  getAll(range: unknown): DatabaseRequest<unknown[]>;
  getAllKeys(range: unknown): DatabaseRequest<unknown[]>;
}

export interface DatabaseRequest<T> {
  readonly result: T;
}

interface OpenRequest extends DatabaseRequest<Database> {
  readonly error: unknown;
  onupgradeneeded: (() => void) | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

export const browser = globalThis as unknown as BrowserGlobals;
