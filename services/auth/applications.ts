import { randomBytes } from "node:crypto";
import type { Kysely, Transaction } from "kysely";
import { transact } from "../common/database/transact.ts";
import { bytesToId, idToBytes, isId, newId } from "../common/ids.ts";
import {
  findUserByExternalId,
  findUserByUsername,
  insertUser,
  lockUser,
  updateDisplayName,
} from "./db/queries-users.ts";
import type { AuthTables, UserRow } from "./db/tables.ts";
import { UserNotFoundError, UsernameTakenError } from "./errors.ts";
import type { Sessions, Tokens } from "./sessions.ts";
import { searchTerms } from "./user-search.ts";
import { createWorkQueue } from "./work-queue.ts";

/** People whose accounts an embedding application keeps: they have no password, and come in by its word. */
export interface Applications {
  /**
   * The one user of an external id, made if there is none. An external id can't be there twice, so of two calls at once
   * the second finds whom the first made, at its second try if need be. Whom there is nothing to change of is read
   * beside the writers: that is everybody who comes back. Throws UsernameTakenError, and OverloadedError if too much
   * waits already; what is given up while it waits is not begun.
   */
  ensureUser(user: EnsuredUser, signal?: AbortSignal): Promise<{ user: UserRow; created: boolean }>;
  /** A session of the user's. Throws UserNotFoundError, and OverloadedError likewise. */
  issueTokens(
    session: { userId: string; deviceName: string | undefined },
    signal?: AbortSignal,
  ): Promise<Tokens>;
}

export interface EnsuredUser {
  readonly externalId: string;
  /** For a new user; random if undefined. */
  readonly username: string | undefined;
  /** Unchanged, and the username of a new user, if undefined. */
  readonly displayName: string | undefined;
}

export interface ApplicationsDeps {
  db: Kysely<AuthTables>;
  sessions: Pick<Sessions, "begin" | "admit">;
  clock: () => number;
}

/**
 * An application may bring all its people at once. So that they don't stand before everybody who signs in, and that who
 * is accepted is done before its caller gives up, few are written at once, and no more wait than some seconds suffice for.
 */
const writes = { concurrency: 4, maxWaiting: 1000, refusal: "too many people are being brought at once" };

export function createApplications({ db, sessions, clock }: ApplicationsDeps): Applications {
  const queue = createWorkQueue(writes);

  async function update(tx: Transaction<AuthTables>, user: UserRow, displayName: string | undefined) {
    if (displayName === undefined || isCalled(user, displayName)) return user;
    await updateDisplayName(tx, user, displayName, searchTerms(user.username, displayName));
    return { ...user, display_name: displayName };
  }

  async function make(tx: Transaction<AuthTables>, { externalId, displayName, ...given }: EnsuredUser) {
    const username = given.username?.toLowerCase() ?? randomUsername();
    if (await findUserByUsername(tx, username)) throw new UsernameTakenError();
    const user: UserRow = {
      user_id: idToBytes(newId()),
      username,
      display_name: displayName ?? username,
      external_id: externalId,
      created_at: clock(),
      deleted_at: null,
    };
    await insertUser(tx, user, searchTerms(username, user.display_name));
    return user;
  }

  return {
    async ensureUser(wanted, signal) {
      const known = await findUserByExternalId(db, wanted.externalId);
      if (known && isCalled(known, wanted.displayName ?? known.display_name))
        return { user: known, created: false };
      const write = async (tx: Transaction<AuthTables>) => {
        const found = await findUserByExternalId(tx, wanted.externalId);
        if (found) return { user: await update(tx, found, wanted.displayName), created: false };
        return { user: await make(tx, wanted), created: true };
      };
      return queue.run(() => transact(db, write), signal);
    },

    async issueTokens({ userId, deviceName }, signal) {
      if (!isId(userId)) throw new UserNotFoundError();
      const write = async (tx: Transaction<AuthTables>) => {
        const user = await lockUser(tx, idToBytes(userId));
        if (user === undefined || user.deleted_at !== null) throw new UserNotFoundError();
        return sessions.begin(tx, { userId: bytesToId(user.user_id), deviceName: deviceName ?? "" });
      };
      const begun = await queue.run(() => transact(db, write), signal);
      return sessions.admit(begun);
    },
  };
}

function isCalled(user: UserRow, displayName: string): boolean {
  return user.display_name === displayName;
}

/** 80 random bits, so that nobody has it. */
function randomUsername(): string {
  return `user-${randomBytes(10).toString("hex")}`;
}
