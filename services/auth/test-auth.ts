import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions, Client } from "@connectrpc/connect";
import pino from "pino";
import { onTestFinished } from "vitest";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { createServerKeyVerifier } from "../common/auth/server-key-verifier.ts";
import { createTokenVerifier } from "../common/auth.ts";
import { readEnvironment } from "../common/config.ts";
import { type Database, openDatabase } from "../common/database/database.ts";
import { testDatabaseUrl } from "../common/database/test-place.ts";
import { type ErrorReason, reasonOf } from "../common/errors.ts";
import { clientAddressHeader } from "../common/rpc/caller.ts";
import { createServerInterceptors } from "../common/rpc/interceptors.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import { createValidator } from "../common/validation.ts";
import { type AuthConfig, readAuthConfig } from "./config.ts";
import { migrations } from "./db/migrations/migrations.ts";
import type { AuthTables } from "./db/tables.ts";
// biome-ignore lint/style/noRestrictedImports: tests are above the service
import { startAuth } from "./service.ts";

/** For tests: the real service over a real database, called in process, with cheap passwords and a clock that can be set. */
export interface TestAuth {
  readonly auth: Client<typeof AuthService>;
  readonly admin: Client<typeof AdminService>;
  readonly users: Client<typeof UserService>;
  readonly internal: Client<typeof AuthInternalService>;
  readonly clock: TestClock;
  /** A second connection is refused by the lock, so close the service first. */
  readonly folder: string;
  /** Registers someone new, and answers how to call as them. */
  signUp(username: string, displayName?: string): Promise<Person>;
  close(): Promise<void>;
}

export interface Person {
  readonly userId: string;
  readonly username: string;
  readonly refreshToken: string;
  readonly as: CallOptions;
}

export interface TestClock {
  (): number;
  advance(ms: number): void;
}

export const logger = pino({ level: "silent" });

export const password = "correct horse battery";

export function createTestClock(): TestClock {
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  return Object.assign(clock, {
    advance(ms: number) {
      ahead += ms;
    },
  });
}

/** A folder that is removed when the test is over. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-auth-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Auth's database by itself, closed when the test is over. */
export async function openAuthDatabase(folder: string): Promise<Database<AuthTables>> {
  const database = await openDatabase<AuthTables>({
    url: await testDatabaseUrl(folder),
    name: "auth",
    migrations,
    logger,
  });
  onTestFinished(() => database.close());
  return database;
}

export interface TestAuthOptions {
  folder?: string;
  clock?: TestClock;
  /** Variables to read the configuration from. Rates are off unless given. */
  env?: Record<string, string>;
  /** What is changed of the configuration that was read. */
  config?: Partial<AuthConfig>;
}

export async function startTestAuth(options: TestAuthOptions = {}): Promise<TestAuth> {
  const folder = options.folder ?? (await createFolder());
  const clock = options.clock ?? createTestClock();
  const config = testConfig(await testDatabaseUrl(folder), options);
  const rpc = createLocalRpc({ logger });
  const verifier = createTokenVerifier({ rpc, issuer: config.issuer, logger });
  rpc.intercept(
    createServerInterceptors({
      verifier,
      validator: createValidator(),
      serverKeys: createServerKeyVerifier({ rpc }),
    }),
  );
  const service = await startAuth(config, { rpc, logger, clock });
  const stop = new AbortController();
  const following = verifier.run(stop.signal);

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      stop.abort();
      await following;
      await service.close();
      await rpc.close();
    })();
    return closed;
  };
  onTestFinished(close);

  const auth = rpc.client(AuthService);
  return {
    auth,
    admin: rpc.client(AdminService),
    users: rpc.client(UserService),
    internal: rpc.client(AuthInternalService),
    clock,
    folder,
    close,
    async signUp(username, displayName) {
      const { user, tokens } = await auth.register({
        username,
        password,
        ...(displayName && { displayName }),
      });
      if (!user || !tokens) throw new Error("Register answered nobody");
      return {
        userId: user.userId,
        username: user.username,
        refreshToken: tokens.refreshToken,
        as: bearer(tokens.accessToken),
      };
    },
  };
}

/** The options of a call with that access token. */
export function bearer(accessToken: string): CallOptions {
  return { headers: { authorization: `Bearer ${accessToken}` } };
}

/** The options of a call from that address. */
export function from(address: string): CallOptions {
  return { headers: { [clientAddressHeader]: address } };
}

/** The reason that a call is refused with; undefined if it isn't. */
export async function refusal(call: Promise<unknown>): Promise<ErrorReason | undefined> {
  return call.then(
    () => undefined,
    (error) => reasonOf(error),
  );
}

function testConfig(url: string, { env, config }: TestAuthOptions): AuthConfig {
  const reader = readEnvironment({
    PARLEY_DATABASE_URL: url,
    // A server has no folder to keep it in.
    ...(url.startsWith("mssql:") && { PARLEY_KEY_ENCRYPTION_SECRET: "the secret of all the replicas here" }),
    ...(env ?? { PARLEY_LIMITS: "off" }),
  });
  const read = readAuthConfig(reader);
  reader.finish();
  return { ...read, passwordCost: { memoryCost: 64, timeCost: 1, parallelism: 1 }, ...config };
}
