import type { Kysely, Transaction } from "kysely";
import { transact } from "../common/database/transact.ts";
import { bytesToId, idToBytes, newId } from "../common/ids.ts";
import {
  findCredential,
  findCredentialByUsername,
  findUserByUsername,
  insertCredential,
  insertUser,
  lockUser,
  updateCredential,
} from "./db/queries-users.ts";
import type { AuthTables, CredentialRow, UserRow } from "./db/tables.ts";
import { UsernameTakenError, WrongCredentialsError } from "./errors.ts";
import type { Passwords } from "./passwords.ts";
import type { BegunSession, SessionOwner, Sessions, Tokens } from "./sessions.ts";
import type { SignInLimits } from "./sign-in-limits.ts";
import { searchTerms } from "./user-search.ts";

/**
 * Accounts with a password: making one, signing in, changing the password. For a caller who has given up no hashing and
 * no transaction is begun any more.
 */
export interface Accounts {
  /** Throws UsernameTakenError. */
  register(registration: Registration, origin: Origin): Promise<SignedIn>;
  /** Throws WrongCredentialsError, after the same work for an unknown username as for a wrong password. */
  login(login: Login, origin: Origin): Promise<SignedIn>;
  /** Ends all other sessions. Throws WrongCredentialsError. */
  changePassword(change: PasswordChange, origin: Origin): Promise<void>;
}

export interface Registration {
  readonly username: string;
  readonly password: string;
  /** The username if undefined. */
  readonly displayName: string | undefined;
  readonly deviceName: string | undefined;
}

export interface Login {
  readonly username: string;
  readonly password: string;
  readonly deviceName: string | undefined;
}

export interface PasswordChange {
  readonly session: SessionOwner;
  readonly currentPassword: string;
  readonly newPassword: string;
}

/** Where a call comes from, and until when its caller waits. */
export interface Origin {
  readonly address: string | undefined;
  readonly signal: AbortSignal;
}

export interface SignedIn {
  readonly user: UserRow;
  readonly tokens: Tokens;
}

export interface AccountsDeps {
  db: Kysely<AuthTables>;
  passwords: Passwords;
  sessions: Sessions;
  limits: SignInLimits;
  clock: () => number;
}

export function createAccounts({ db, passwords, sessions, limits, clock }: AccountsDeps): Accounts {
  async function signIn(user: UserRow, begun: BegunSession): Promise<SignedIn> {
    return { user, tokens: await sessions.admit(begun) };
  }

  /** The credential, if the password is right. It may have changed by the time of the transaction that relies on it. */
  async function check(
    credential: CredentialRow | undefined,
    password: string,
    signal: AbortSignal,
  ): Promise<CredentialRow> {
    const right = await passwords.verify(credential?.password_hash, password, signal);
    if (!right || credential === undefined) throw new WrongCredentialsError();
    return credential;
  }

  /** Locks whose credential it is, if the password is still the one that was checked. */
  async function recheck(tx: Transaction<AuthTables>, checked: CredentialRow): Promise<UserRow> {
    const user = await lockUser(tx, checked.user_id);
    const credential = await findCredential(tx, checked.user_id);
    if (credential?.revision !== checked.revision || user === undefined) throw new WrongCredentialsError();
    return user;
  }

  return {
    async register(registration, { address, signal }) {
      limits.takeRegistration(address);
      const username = foldUsername(registration.username);
      if (await findUserByUsername(db, username)) throw new UsernameTakenError();
      const passwordHash = await passwords.hash(registration.password, signal);
      signal.throwIfAborted();
      const userId = newId();
      const user: UserRow = {
        user_id: idToBytes(userId),
        username,
        display_name: registration.displayName ?? username,
        external_id: null,
        created_at: clock(),
        deleted_at: null,
      };
      const begun = await transact(db, async (tx) => {
        await insertUser(tx, user, searchTerms(username, user.display_name));
        await insertCredential(tx, user.user_id, passwordHash);
        return sessions.begin(tx, { userId, deviceName: registration.deviceName ?? "" });
      });
      return signIn(user, begun);
    },

    async login(login, { address, signal }) {
      const username = foldUsername(login.username);
      limits.takeLogin(username, address);
      const found = await findCredentialByUsername(db, username);
      const credential = await check(found, login.password, signal);
      const betterHash = passwords.isOutdated(credential.password_hash)
        ? await passwords.hash(login.password, signal)
        : undefined;
      signal.throwIfAborted();
      const { user, begun } = await transact(db, async (tx) => {
        const user = await recheck(tx, credential);
        if (betterHash !== undefined)
          await updateCredential(tx, { ...credential, password_hash: betterHash });
        const userId = bytesToId(user.user_id);
        return { user, begun: await sessions.begin(tx, { userId, deviceName: login.deviceName ?? "" }) };
      });
      return signIn(user, begun);
    },

    async changePassword({ session, currentPassword, newPassword }, { address, signal }) {
      limits.takePasswordChange(session.userId, address);
      const current = await findCredential(db, idToBytes(session.userId));
      const credential = await check(current, currentPassword, signal);
      const newHash = await passwords.hash(newPassword, signal);
      signal.throwIfAborted();
      const ends = await transact(db, async (tx) => {
        await recheck(tx, credential);
        const revision = credential.revision + 1;
        await updateCredential(tx, { ...credential, password_hash: newHash, revision });
        return sessions.endOthers(tx, session);
      });
      sessions.announce(ends);
    },
  };
}

/** Those that exist are ASCII, so the lower case of whatever else is typed at sign-in is at most an unknown name. */
function foldUsername(username: string): string {
  return username.toLowerCase();
}
