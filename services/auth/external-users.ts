import { randomInt } from "node:crypto";
import type { Kysely } from "kysely";
import { UniqueViolationError } from "../common/database/errors.ts";
import { bytesToId, idToBytes, isId, newId } from "../common/ids.ts";
import { findUser, findUserByExternalId, insertUser, updateDisplayName } from "./db/queries-users.ts";
import type { AuthTables, UserRow } from "./db/tables.ts";
import { UserNotFoundError, UsernameTakenError } from "./errors.ts";
import type { Sessions, Tokens } from "./sessions.ts";
import { searchTerms } from "./user-search.ts";

/** People whose accounts an embedding application keeps: they have no password here. */
export interface ExternalUsers {
  /** The one user of the external id. Throws UsernameTakenError for a new one whose name is. */
  ensure(wanted: ExternalUser): Promise<{ user: UserRow; created: boolean }>;
  /** The tokens of a new session of anybody. Throws UserNotFoundError. */
  issueTokens(userId: string, deviceName: string | undefined): Promise<Tokens>;
}

export interface ExternalUser {
  readonly externalId: string;
  /** Of a new user; a random one if undefined. */
  readonly username: string | undefined;
  /** Changed on a user that is there; the username of a new one if undefined. */
  readonly displayName: string | undefined;
}

export interface ExternalUsersDeps {
  db: Kysely<AuthTables>;
  sessions: Sessions;
  clock: () => number;
}

/** Two calls that make the same user at once, or a random name that is taken: the second try finds what is there. */
const tries = 3;

export function createExternalUsers({ db, sessions, clock }: ExternalUsersDeps): ExternalUsers {
  function ensureOnce({ externalId, username, displayName }: ExternalUser) {
    return db.transaction().execute(async (tx) => {
      const found = await findUserByExternalId(tx, externalId);
      if (found !== undefined) {
        if (displayName === undefined || displayName === found.display_name)
          return { user: found, created: false };
        await updateDisplayName(tx, found, displayName, searchTerms(found.username, displayName));
        return { user: { ...found, display_name: displayName }, created: false };
      }
      const name = username?.toLowerCase() ?? randomUsername();
      const user: UserRow = {
        user_id: idToBytes(newId()),
        username: name,
        display_name: displayName ?? name,
        external_id: externalId,
        created_at: clock(),
        deleted_at: null,
      };
      await insertUser(tx, user, searchTerms(user.username, user.display_name));
      return { user, created: true };
    });
  }

  return {
    async ensure(wanted) {
      for (let left = tries; ; left--) {
        try {
          return await ensureOnce(wanted);
        } catch (error) {
          const mayPass =
            error instanceof UniqueViolationError ||
            (error instanceof UsernameTakenError && wanted.username === undefined);
          if (!mayPass || left === 1) throw error;
        }
      }
    },

    async issueTokens(userId, deviceName = "") {
      const begun = await db.transaction().execute(async (tx) => {
        const user = isId(userId) ? await findUser(tx, idToBytes(userId)) : undefined;
        if (user === undefined || user.deleted_at !== null) throw new UserNotFoundError();
        return sessions.begin(tx, { userId: bytesToId(user.user_id), deviceName });
      });
      return sessions.admit(begun);
    },
  };
}

const letters = "abcdefghijkmnpqrstuvwxyz23456789";
const randomLength = 12;

/** Not derived from the external id, which only the application and the person themselves may see. */
function randomUsername(): string {
  return `user-${Array.from({ length: randomLength }, () => letters[randomInt(letters.length)]).join("")}`;
}
