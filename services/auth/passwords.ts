import { randomBytes } from "node:crypto";
import { hash, type Options, parseOptions, verify } from "@node-rs/argon2";
import type { Metrics } from "../common/metrics.ts";
import type { WorkQueue } from "./work-queue.ts";

/**
 * Argon2id as OWASP recommends it: 19 MiB, two passes, one lane. `algorithm` and `version` are left at the library's
 * defaults, Argon2id and 0x13.
 */
export const defaultPasswordCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export type PasswordCost = Required<Pick<Options, "memoryCost" | "timeCost" | "parallelism">>;

/**
 * Hashes passwords and checks them, on libuv's threads, as many at once as the queue lets through. Passwords are
 * normalised (NFKC, as NIST SP 800-63B advises), so that the same letters typed on another system are the same.
 */
export interface Passwords {
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** Whether it is the password of the hash. Without a hash: the same work for nothing, and false. */
  verify(passwordHash: string | undefined, password: string, signal?: AbortSignal): Promise<boolean>;
  /** Whether the hash was made at another cost than today's. */
  isOutdated(passwordHash: string): boolean;
}

export interface PasswordsDeps {
  queue: Pick<WorkQueue, "run">;
  cost: PasswordCost;
  metrics?: Metrics | undefined;
}

export async function createPasswords({ queue, cost, metrics }: PasswordsDeps): Promise<Passwords> {
  const seconds = metrics?.histogram({
    name: "parley_password_hash_duration_seconds",
    help: "How long Argon2id took for one password, without its wait for a turn.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  });
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    seconds?.observe((performance.now() - started) / 1000);
    return result;
  };
  const nobodysHash = await hash(randomBytes(32), cost);
  return {
    hash: (password, signal) => queue.run(() => timed(hash(password.normalize("NFKC"), cost)), signal),

    async verify(passwordHash, password, signal) {
      const matches = await queue.run(
        () => timed(verify(passwordHash ?? nobodysHash, password.normalize("NFKC"))),
        signal,
      );
      return matches && passwordHash !== undefined;
    },

    isOutdated(passwordHash) {
      const made = parseOptions(passwordHash);
      return (
        made.memoryCost !== cost.memoryCost ||
        made.timeCost !== cost.timeCost ||
        made.parallelism !== cost.parallelism
      );
    },
  };
}
