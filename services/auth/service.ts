import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { openDatabase } from "../common/database/database.ts";
import { dataFolderOf } from "../common/database/database-url.ts";
import type { Service, ServiceDeps } from "../common/lifecycle.ts";
import type { Metrics } from "../common/metrics.ts";
import { createAccessTokens } from "./access-tokens.ts";
import { createAccounts } from "./accounts.ts";
import { createAdminRoutes } from "./admin-routes.ts";
import { createApplications } from "./applications.ts";
import { type Chore, runChore } from "./background.ts";
import type { AuthConfig } from "./config.ts";
import { migrations } from "./db/migrations/migrations.ts";
import { listSigningKeys } from "./db/queries-signing-keys.ts";
import type { AuthTables } from "./db/tables.ts";
import { createDeadSessions } from "./dead-sessions.ts";
import { createKeyEncryption } from "./key-encryption.ts";
import { loadKeyEncryptionSecret } from "./key-encryption-secret.ts";
import { createPasswords } from "./passwords.ts";
import { createProfiles } from "./profiles.ts";
import { createRefreshTokens } from "./refresh-tokens.ts";
import { createRevocations } from "./revocations.ts";
import { createAuthRoutes, createInternalRoutes, createUserRoutes } from "./routes.ts";
import { createServerKeys } from "./server-keys.ts";
import { createSessions } from "./sessions.ts";
import { createSignInLimits } from "./sign-in-limits.ts";
import { openSigningKeys } from "./signing-keys.ts";
import { createWorkQueue, showQueue } from "./work-queue.ts";

export type AuthDeps = Pick<ServiceDeps, "logger" | "rpc" | "metrics"> & {
  /** Milliseconds since the epoch; the system's clock if absent. */
  clock?: () => number;
};

const deadSessionsEveryMs = 60_000;
const keysAtLeastEveryMs = 60_000;

/**
 * Auth: accounts, sessions and profiles. Hosts the public AuthService, UserService and AdminService, and AuthInternalService for the
 * other services, over a database of its own.
 */
export async function startAuth(config: AuthConfig, deps: AuthDeps): Promise<Service> {
  const { logger, metrics } = deps;
  const database = await openDatabase<AuthTables>({
    url: config.databaseUrl,
    name: "auth",
    migrations,
    logger,
    metrics,
  });
  try {
    const auth = await createAuth(config, {
      db: database.kysely,
      logger,
      metrics,
      clock: deps.clock ?? Date.now,
    });
    const served = [
      deps.rpc.serve(AuthService, createAuthRoutes(auth)),
      deps.rpc.serve(UserService, createUserRoutes(auth)),
      deps.rpc.serve(AdminService, createAdminRoutes(auth)),
      deps.rpc.serve(AuthInternalService, createInternalRoutes(auth)),
    ];
    const stop = new AbortController();
    const chores = auth.chores.map((chore) => runChore(chore, { signal: stop.signal, logger }));
    return {
      name: "auth",
      async close() {
        await Promise.all(served.map((service) => service.close()));
        stop.abort();
        await Promise.all(chores);
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface AuthParts {
  db: Kysely<AuthTables>;
  logger: Logger;
  metrics: Metrics | undefined;
  clock: () => number;
}

async function createAuth(config: AuthConfig, { db, logger, metrics, clock }: AuthParts) {
  const { accessTokenLifetimeMs: tokenLifetimeMs, keySchedule } = config;
  const encryption = createKeyEncryption(await loadSecret(config, db));
  const keys = await openSigningKeys({ db, encryption, schedule: keySchedule, clock, logger });
  const revocations = createRevocations({ db, tokenLifetimeMs, clock, logger });
  const limits = createSignInLimits(config.rates, metrics);
  const sessions = createSessions({
    db,
    accessTokens: createAccessTokens({ keys, issuer: config.issuer, lifetimeMs: tokenLifetimeMs, clock }),
    refreshTokens: createRefreshTokens(encryption.deriveKey("parley refresh tokens")),
    revocations,
    limits,
    clock,
    idleLifetimeMs: config.sessionIdleLifetimeMs,
    graceMs: config.refreshGraceMs,
    maxSessions: config.maxSessionsPerUser,
  });
  const queue = createWorkQueue({
    concurrency: config.passwordConcurrency,
    maxWaiting: config.maxWaitingPasswords,
    refusal: "too many passwords are being checked",
  });
  showQueue(metrics, queue);
  const passwords = await createPasswords({ metrics, queue, cost: config.passwordCost });
  const accounts = createAccounts({ db, passwords, sessions, limits, clock });
  const deadSessions = createDeadSessions({ db, tokenLifetimeMs, clock });
  const chores: Chore[] = [
    { name: "revocations", everyMs: config.revocationPollMs, run: () => revocations.poll() },
    { name: "signing keys", everyMs: keysEveryMs(keySchedule.leadMs), run: () => keys.maintain() },
    { name: "dead sessions", everyMs: deadSessionsEveryMs, run: () => deadSessions.remove() },
  ];
  return {
    accounts,
    applications: createApplications({ db, sessions, clock }),
    sessions,
    profiles: createProfiles({ db }),
    keys,
    serverKeys: createServerKeys({ db, clock, logger }),
    revocations,
    chores,
  };
}

async function loadSecret(config: AuthConfig, db: Kysely<AuthTables>): Promise<string> {
  const keys = await listSigningKeys(db);
  const folder = dataFolderOf(config.databaseUrl);
  return loadKeyEncryptionSecret({ given: config.keyEncryptionSecret, folder, inUse: keys.length > 0 });
}

/** Several times within a lead, so that nobody misses a key's first use. */
function keysEveryMs(leadMs: number): number {
  return Math.min(leadMs / 4, keysAtLeastEveryMs);
}
