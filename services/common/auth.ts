import type { Logger } from "pino";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { readAccessToken } from "./auth/access-token.ts";
import { createKeySet } from "./auth/key-set.ts";
import { createRevocationList } from "./auth/revocation-list.ts";
import { createTokenCache } from "./auth/token-cache.ts";
import { backoffMs, pause } from "./backoff.ts";
import { SessionRevokedError } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import type { RpcClients } from "./rpc/rpc.ts";

/** Whose access token a call or connection carries. */
export interface Caller {
  readonly userId: string;
  readonly sessionId: string;
  /** When the token expires, in ms since the epoch. */
  readonly expiresAt: number;
  readonly token: string;
}

/** Tells whose access tokens are, and follows which sessions end. One per process, shared by all services in it. */
export interface TokenVerifier {
  /** Throws UnauthenticatedError, TokenExpiredError or SessionRevokedError; UnavailableError if Auth must be asked for a key and doesn't answer. */
  verify(token: string): Promise<Caller>;
  /** The answer at once if the token was verified before and still stands. */
  cached(token: string): Caller | undefined;
  /** Whether the session is known to have ended. */
  isRevoked(sessionId: string): boolean;
  /** Calls the listener once for each session that ends from now on; answers how to stop that. */
  onRevoked(listener: (sessionId: string) => void): () => void;
  /** Follows the revocations and renews the keys until the signal aborts, whatever happens to Auth. */
  run(signal: AbortSignal): Promise<void>;
}

export interface TokenVerifierDeps {
  rpc: RpcClients;
  /** What `iss` must be. */
  issuer: string;
  logger: Logger;
  /** Milliseconds since the epoch; the system's clock if absent. */
  clock?: () => number;
  metrics?: Metrics | undefined;
}

/** How long an access token lives, in ms. */
export const accessTokenLifetimeMs = 10 * 60_000;

/** Beyond what clocks may differ. */
const marginMs = 60_000;
/** Well within the time for which keys are published before their first use. */
const renewKeysMs = 5 * 60_000;
/** At some 500 bytes each. */
const maxCachedTokens = 65_536;
/** Sessions are to be refused within 2 s of their end, so nobody may wait long to listen again. */
const reconnectBackoff = { firstMs: 100, capMs: 1_500 };

/**
 * A signature costs 0.3 ms and is verified once: afterwards the token is known until it expires or its session ends.
 * Auth is only needed for keys and revocations; while it is away, tokens stay what they were known to be.
 */
export function createTokenVerifier(deps: TokenVerifierDeps): TokenVerifier {
  const { issuer, logger, clock = Date.now } = deps;
  const auth = deps.rpc.client(AuthInternalService);
  const keys = createKeySet({
    fetch: async () => (await auth.getKeySet({}, { timeoutMs: 5_000 })).jwksJson,
    clock,
    logger,
  });
  const revoked = createRevocationList({ clock, logger, keepMs: accessTokenLifetimeMs + marginMs });
  const cache = createTokenCache(maxCachedTokens);
  const verifying = new Map<string, Promise<Caller>>();
  const verified = { valid: 0, invalid: 0 };
  deps.metrics?.counter({
    name: "parley_token_verifications_total",
    help: "Access tokens whose signature was verified; those known from before are not verified again.",
    *read() {
      for (const [result, value] of Object.entries(verified)) yield { labels: { result }, value };
    },
  });

  async function read(token: string): Promise<Caller> {
    try {
      const caller = await readAccessToken(token, { issuer, clock, findKey: keys.find });
      cache.add(caller);
      verified.valid += 1;
      return caller;
    } catch (error) {
      verified.invalid += 1;
      throw error;
    } finally {
      verifying.delete(token);
    }
  }

  function unexpired(token: string): Caller | undefined {
    const caller = cache.get(token);
    return caller !== undefined && caller.expiresAt > clock() ? caller : undefined;
  }

  /** Ends when the stream does. */
  async function watchRevocations(signal: AbortSignal, onSynced: () => void): Promise<void> {
    for await (const { revocations, synced } of auth.watchRevocations({}, { signal })) {
      for (const { sessionId } of revocations) revoked.add(sessionId);
      if (synced) onSynced();
    }
  }

  async function followRevocations(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await watchRevocations(signal, () => {
          failures = 0;
        });
        logger.debug("the stream of revocations ended");
      } catch (error) {
        if (!signal.aborted && failures === 0) logger.warn({ err: error }, "revocations can't be followed");
      }
      failures++;
      await pause(backoffMs(failures, reconnectBackoff), signal);
    }
  }

  async function renewKeys(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(renewKeysMs, signal);
      // The key set logs what went wrong, and keeps the keys that it has.
      if (!signal.aborted) await keys.renew().catch(() => undefined);
    }
  }

  return {
    async verify(token) {
      let caller = unexpired(token);
      if (caller === undefined) {
        const reading = verifying.get(token) ?? read(token);
        verifying.set(token, reading);
        caller = await reading;
      }
      if (revoked.has(caller.sessionId)) throw new SessionRevokedError();
      return caller;
    },
    cached(token) {
      const caller = unexpired(token);
      return caller !== undefined && !revoked.has(caller.sessionId) ? caller : undefined;
    },
    isRevoked: revoked.has,
    onRevoked: revoked.onAdded,
    async run(signal) {
      await Promise.all([followRevocations(signal), renewKeys(signal)]);
    },
  };
}
