import { type CryptoKey, importJWK, type JSONWebKeySet } from "jose";
import type { Logger } from "pino";
import { UnavailableError } from "../errors.ts";

/**
 * The public keys of access tokens, by key id. Keys are published long before their first use, so that a copy that is
 * renewed now and then has them all; a key that isn't in it is asked for once more, but not more often than seldom,
 * since anybody can make up key ids. While Auth can't be reached, the copy stays.
 */
export interface KeySet {
  /** Undefined if there is no such key. Throws UnavailableError if there may be one and Auth doesn't answer. */
  find(kid: string): Promise<CryptoKey | undefined>;
  /** Asks anew; throws UnavailableError. One question at a time, however many ask. */
  renew(): Promise<void>;
}

export interface KeySetDeps {
  /** A JWK set (RFC 7517) as JSON. */
  fetch(): Promise<string>;
  clock: () => number;
  logger: Logger;
}

/** How soon after an answer the same question is asked again because of an unknown key, in ms. */
const askAgainMs = 5_000;
/** And how soon after Auth didn't answer, in ms. */
const retryMs = 250;

export function createKeySet({ fetch, clock, logger }: KeySetDeps): KeySet {
  let keys = new Map<string, CryptoKey>();
  let asking: Promise<void> | undefined;
  let nextAskAt = 0;
  /** Why Auth didn't answer the last time. */
  let failure: unknown;

  async function ask(): Promise<void> {
    try {
      keys = await importKeys(await fetch());
      failure = undefined;
      nextAskAt = clock() + askAgainMs;
    } catch (error) {
      nextAskAt = clock() + retryMs;
      if (failure === undefined)
        logger.warn({ err: error, keys: keys.size }, "could not get the keys of access tokens");
      failure = error;
    }
    asking = undefined;
  }

  async function renew(): Promise<void> {
    asking ??= ask();
    await asking;
    requireAnswer();
  }

  function requireAnswer(): void {
    if (failure !== undefined)
      throw new UnavailableError("access tokens can't be verified right now", failure);
  }

  return {
    renew,
    async find(kid) {
      const known = keys.get(kid);
      if (known !== undefined) return known;
      if (asking !== undefined || clock() >= nextAskAt) await renew();
      else requireAnswer();
      return keys.get(kid);
    },
  };
}

/** Keys of other algorithms are not looked at: they verify no access token. */
async function importKeys(jwksJson: string): Promise<Map<string, CryptoKey>> {
  const { keys } = JSON.parse(jwksJson) as JSONWebKeySet;
  const imported = new Map<string, CryptoKey>();
  for (const jwk of keys) {
    if (jwk.kid === undefined || jwk.kty !== "OKP" || jwk.crv !== "Ed25519") continue;
    imported.set(jwk.kid, (await importJWK(jwk, "EdDSA")) as CryptoKey);
  }
  return imported;
}
