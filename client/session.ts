import { create } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { type User, UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { raced } from "./abort.ts";
import type { TokenSource } from "./calls.ts";
import type { Client } from "./connect-protocol.ts";
import { isSessionError, signedOutError, toParleyError } from "./errors.ts";
import { createValue, type Observable } from "./observable.ts";
import type { LockingStorage } from "./storage-locks.ts";
import { type KeptTokens, keepTokens } from "./tokens.ts";
import type { IssuedTokens, Session } from "./types.ts";

/**
 * Who is signed in, and their tokens. The storage is the truth, shared by all tabs: whoever refreshes holds its lock,
 * looks first whether another tab did, and keeps the new tokens before anyone uses them.
 */
export interface SessionKeeper extends TokenSource {
  readonly state: Observable<Session>;
  /** Changes whenever the tokens do; undefined while signed out. */
  readonly tokens: Observable<KeptTokens | undefined>;
  signIn(user: User, tokens: IssuedTokens): Promise<void>;
  /** The person's own data are other ones now. */
  setUser(user: User): Promise<void>;
  /** Takes what the storage has by now, which others may have changed unheard. */
  look(): Promise<void>;
  /** Forgets the session, in all tabs. */
  signOut(reason?: string): Promise<void>;
}

export interface SessionDeps {
  readonly storage: LockingStorage;
  /** Calls without a token. */
  readonly auth: Pick<Client<typeof AuthService>, "refresh">;
  readonly now?: () => number;
}

const key = "session";
const refreshTimeoutMs = 20_000;
/** A call doesn't outlive so many tokens. */
const maxOwners = 16;

/** As it is stored. */
interface Kept extends KeptTokens {
  readonly user: KeptUser;
}

interface KeptUser {
  readonly userId: string;
  readonly username: string;
  readonly displayName: string;
  readonly createdAt: number;
}

export function createSession({ storage, auth, now = Date.now }: SessionDeps): SessionKeeper {
  const state = createValue<Session>({ status: "loading" });
  const tokens = createValue<KeptTokens | undefined>(undefined);
  let kept: Kept | undefined;
  let refreshing: Promise<Kept> | undefined;
  /** Counts what was written here, so that what was read before isn't taken for newer. */
  let written = 0;

  /** By token, whose it is. */
  const owners = new Map<string, string>();
  /** What the storage didn't take: newer than what is in it. */
  let unsaved: Kept | undefined;

  const read = async () => unsaved ?? ((await storage.get(key)) as Kept | undefined);

  function adopt(next: Kept | undefined, reason?: string): void {
    const before = kept;
    kept = next;
    if (next?.accessToken !== before?.accessToken) tokens.set(next);
    if (next) {
      if (state.get().status !== "signedIn" || JSON.stringify(before?.user) !== JSON.stringify(next.user))
        state.set({ status: "signedIn", user: toUser(next.user) });
    } else if (state.get().status !== "signedOut") {
      state.set({ status: "signedOut", ...(reason !== undefined && { reason }) });
    }
  }

  async function write(next: Kept | undefined, reason?: string): Promise<void> {
    written += 1;
    unsaved = undefined;
    try {
      await (next ? storage.set(key, next) : storage.delete(key));
    } catch (error) {
      // The old tokens are used up: these are lost to a reload, but not to this one.
      unsaved = next;
      if (!next) throw error;
    } finally {
      adopt(next, reason);
    }
    storage.announce({ type: "session", ...(reason !== undefined && { reason }) });
  }

  async function reload(reason?: string): Promise<void> {
    const before = written;
    const stored = await read();
    if (written === before) adopt(stored, reason);
  }

  storage.listen((message) => {
    if (message.type !== "session") return;
    void reload(typeof message.reason === "string" ? message.reason : undefined).catch(() => {});
  });
  // A storage that can't be read knows nobody; signing in says what is wrong with it.
  const loading = reload().catch(() => adopt(undefined));

  function refresh(): Promise<Kept> {
    // Of before the wait for the lock, in which another tab may tell of its refresh.
    const stale = kept?.accessToken;
    refreshing ??= storage
      .lock(key, () => refreshAlone(stale))
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  }

  async function refreshAlone(stale: string | undefined): Promise<Kept> {
    const stored = await read();
    if (stored === undefined) {
      adopt(undefined);
      throw signedOutError();
    }
    if (stored.accessToken !== stale && stored.renewAt > now()) {
      adopt(stored);
      return stored;
    }
    try {
      const { refreshToken } = stored;
      const answer = await auth.refresh({ refreshToken }, { timeoutMs: refreshTimeoutMs });
      const next = { ...keepTokens(answer.tokens!, now()), user: stored.user };
      await write(next);
      return next;
    } catch (error) {
      const refusal = toParleyError(error);
      if (isSessionError(refusal)) await giveUp(stored, refusal.reason);
      throw refusal;
    }
  }

  /** Unless someone who shares the storage without locks was quicker. */
  async function giveUp(refused: Kept, reason: string): Promise<void> {
    const stored = await read();
    if (stored && stored.refreshToken !== refused.refreshToken) adopt(stored);
    else await write(undefined, reason);
  }

  /** Remembers whose token it is: a call that goes on with another one goes on as the same person. */
  function handOut({ accessToken, user }: Kept): string {
    owners.set(accessToken, user.userId);
    if (owners.size > maxOwners) owners.delete(owners.keys().next().value!);
    return accessToken;
  }

  async function current(signal?: AbortSignal): Promise<Kept> {
    await raced(loading, signal);
    if (!kept) throw signedOutError();
    return kept;
  }

  return {
    state,
    tokens,
    async accessToken(signal) {
      const mine = await current(signal);
      if (now() < mine.renewAt) return handOut(mine);
      const { userId } = mine.user;
      try {
        return handOut(samePerson(await raced(refresh(), signal), userId));
      } catch (error) {
        // It isn't over yet, and the server may be back for the next call.
        if (kept?.user.userId === userId && now() < kept.endsAt && !signal?.aborted) return handOut(kept);
        throw error;
      }
    },
    async replace(refused, signal) {
      const mine = await current(signal);
      const userId = owners.get(refused) ?? mine.user.userId;
      if (mine.accessToken !== refused) return handOut(samePerson(mine, userId));
      return handOut(samePerson(await raced(refresh(), signal), userId));
    },
    async signIn(user, issued) {
      await loading;
      const next = { ...keepTokens(issued, now()), user: keepUser(user) };
      await storage.lock(key, () => write(next));
    },
    async setUser(user) {
      await storage.lock(key, async () => {
        const stored = await read();
        if (stored?.user.userId === user.userId) await write({ ...stored, user: keepUser(user) });
      });
    },
    look: () => reload().catch(() => {}),
    async signOut(reason) {
      await storage.lock(key, () => write(undefined, reason));
    },
  };
}

function samePerson(session: Kept, userId: string): Kept {
  if (session.user.userId !== userId) throw signedOutError();
  return session;
}

function keepUser({ userId, username, displayName, createdAt }: User): KeptUser {
  return { userId, username, displayName, createdAt: createdAt ? timestampDate(createdAt).getTime() : 0 };
}

function toUser({ createdAt, ...rest }: KeptUser): User {
  return create(UserSchema, { ...rest, createdAt: timestampFromDate(new Date(createdAt)) });
}

/** Who is signed in. */
export function userIdOf({ state }: Pick<SessionKeeper, "state">): string | undefined {
  const session = state.get();
  return session.status === "signedIn" ? session.user.userId : undefined;
}
