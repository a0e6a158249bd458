import { availableParallelism } from "node:os";
import type { EnvReader } from "../common/config.ts";
import { readDatabaseUrl } from "../common/database/database-config.ts";
import { minSecretLength } from "./key-encryption-secret.ts";
import type { KeySchedule } from "./key-schedule.ts";
import { defaultPasswordCost, type PasswordCost } from "./passwords.ts";
import type { SignInRates } from "./sign-in-limits.ts";

/** What the auth service can be told, and the constants of its contract, which tests change. Times in ms. */
export interface AuthConfig {
  readonly databaseUrl: string;
  /** `iss` of access tokens. */
  readonly issuer: string;
  /** Kept in the data folder if undefined. */
  readonly keyEncryptionSecret: string | undefined;
  readonly keySchedule: KeySchedule;
  readonly accessTokenLifetimeMs: number;
  /** How long a session lives without a refresh. */
  readonly sessionIdleLifetimeMs: number;
  /** How long the previous refresh token answers its unused successor. */
  readonly refreshGraceMs: number;
  readonly maxSessionsPerUser: number;
  /** How often other replicas' revocations are looked for. */
  readonly revocationPollMs: number;
  readonly passwordCost: PasswordCost;
  /** How many passwords are hashed at once. */
  readonly passwordConcurrency: number;
  /** How many may wait for that. */
  readonly maxWaitingPasswords: number;
  readonly rates: SignInRates;
}

const accessTokenLifetimeMs = 10 * 60_000;
const dayMs = 24 * 3_600_000;

/** Hashing takes threads of libuv's pool of four; one is left to files and names. */
const maxPasswordConcurrency = 3;

/** At 50 ms each on two cores, the last one waits under two seconds. */
const maxWaitingPasswords = 64;

export function readAuthConfig(reader: EnvReader): AuthConfig {
  return Object.freeze({
    databaseUrl: readDatabaseUrl(reader),
    issuer: reader.string("PARLEY_ISSUER", { default: "parley" }),
    keyEncryptionSecret: reader.secret("PARLEY_KEY_ENCRYPTION_SECRET", { minLength: minSecretLength }),
    keySchedule: readKeySchedule(reader),
    accessTokenLifetimeMs,
    sessionIdleLifetimeMs: 30 * dayMs,
    refreshGraceMs: 30_000,
    maxSessionsPerUser: 100,
    revocationPollMs: 500,
    passwordCost: defaultPasswordCost,
    passwordConcurrency: Math.min(availableParallelism(), maxPasswordConcurrency),
    maxWaitingPasswords,
    rates: Object.freeze({
      registrationsPerAddress: reader.rate("PARLEY_LIMIT_REGISTRATIONS_PER_ADDRESS", { default: "20/m" }),
      loginsPerAccount: reader.rate("PARLEY_LIMIT_LOGINS_PER_ACCOUNT", { default: "10/m" }),
      loginsPerAddress: reader.rate("PARLEY_LIMIT_LOGINS_PER_ADDRESS", { default: "60/m" }),
      // A token is good for 10 minutes: so many people behind one address refresh without noticing it.
      refreshesPerAddress: reader.rate("PARLEY_LIMIT_REFRESHES_PER_ADDRESS", { default: "600/m" }),
      refreshesPerSession: reader.rate("PARLEY_LIMIT_REFRESHES_PER_SESSION", { default: "10/m" }),
    }),
  });
}

function readKeySchedule(reader: EnvReader): KeySchedule {
  const rotationMs = reader.duration("PARLEY_SIGNING_KEY_ROTATION", { default: "30d", min: "1m" });
  // Twice as long as it takes at most until a verifier that meets an unknown key asks again.
  const leadMs = reader.duration("PARLEY_SIGNING_KEY_LEAD", { default: "1h", min: "10s" });
  if (rotationMs < 2 * leadMs) {
    reader.problem("PARLEY_SIGNING_KEY_ROTATION should be at least twice PARLEY_SIGNING_KEY_LEAD");
  }
  return Object.freeze({ rotationMs, leadMs, tokenLifetimeMs: accessTokenLifetimeMs });
}
