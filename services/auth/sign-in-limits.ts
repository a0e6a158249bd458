import { networkOf } from "../common/client-network.ts";
import { RateLimitedError } from "../common/errors.ts";
import type { Metrics } from "../common/metrics.ts";
import { countRefusals, createRateLimiter, type Rate } from "../common/rate-limit.ts";

/**
 * How often passwords may be tried, and sessions refreshed. Each throws RateLimitedError with the time to wait.
 *
 * The limit per account counts each client address by itself: a stranger who tries passwords uses up the tries of their
 * own address and can't lock the owner out. Whoever has many addresses gets that many tries, each slowed by Argon2id
 * and its bounded queue, and by the limit per address over all accounts. All tries count, right ones too, since they
 * are admitted before the password is checked.
 */
export interface SignInLimits {
  takeRegistration(address: string | undefined): void;
  takeLogin(username: string, address: string | undefined): void;
  /** A stolen access token must not serve to guess the password. */
  takePasswordChange(userId: string, address: string | undefined): void;
  /** Before the token is looked at. */
  takeRefresh(address: string | undefined): void;
  /** Only for tokens that were made here: whoever has one of a session's could do worse than use up its refreshes. */
  takeSessionRefresh(sessionId: string): void;
}

export interface SignInRates {
  readonly registrationsPerAddress: Rate | undefined;
  readonly loginsPerAccount: Rate | undefined;
  readonly loginsPerAddress: Rate | undefined;
  readonly refreshesPerAddress: Rate | undefined;
  readonly refreshesPerSession: Rate | undefined;
}

export function createSignInLimits(rates: SignInRates, metrics?: Metrics): SignInLimits {
  const registrations = createRateLimiter(rates.registrationsPerAddress);
  const logins = createRateLimiter(rates.loginsPerAddress);
  const tries = createRateLimiter(rates.loginsPerAccount);
  const refreshes = createRateLimiter(rates.refreshesPerAddress);
  const sessionRefreshes = createRateLimiter(rates.refreshesPerSession);
  countRefusals(metrics, {
    registrations_per_address: registrations,
    logins_per_address: logins,
    logins_per_account: tries,
    refreshes_per_address: refreshes,
    refreshes_per_session: sessionRefreshes,
  });
  return {
    takeRegistration: (address) => admit(registrations.take(networkOf(address))),
    takeLogin(username, address) {
      admit(logins.take(networkOf(address)));
      admit(tries.take(`${username} ${networkOf(address)}`));
    },
    takePasswordChange: (userId, address) => admit(tries.take(`${userId} ${networkOf(address)}`)),
    takeRefresh: (address) => admit(refreshes.take(networkOf(address))),
    takeSessionRefresh: (sessionId) => admit(sessionRefreshes.take(sessionId)),
  };
}

function admit(waitMs: number): void {
  if (waitMs > 0) throw new RateLimitedError(waitMs);
}
