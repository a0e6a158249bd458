/**
 * Where a client keeps what has to outlive it: the session, and messages that aren't sent yet. Keys are text, values
 * plain data (as JSON has it). Clients that share a storage, as tabs do, share the session.
 */
export interface ParleyStorage {
  /** The value; undefined if there is none. */
  get(key: string): Promise<unknown>;
  /** Keeps a value. Resolves when it would survive the process. */
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** Everything whose key begins so, by key in code point order. */
  entries(prefix: string): Promise<[key: string, value: unknown][]>;
  /**
   * Runs the work while nobody else who shares the storage runs work under that name. If absent, only clients of this
   * process are kept apart.
   */
  lock?<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Tells the others who share the storage that something changed. */
  announce?(message: StorageMessage): void;
  /** Hears what the others announce. Returns what ends it. */
  listen?(listener: (message: StorageMessage) => void): () => void;
}

/** What clients who share a storage tell each other: plain data with a type. */
export interface StorageMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}
