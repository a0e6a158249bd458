import type { Kysely } from "kysely";
import { transact } from "../common/database/transact.ts";
import { bytesToId, idToBytes, isId } from "../common/ids.ts";
import { findUser, findUsers, searchUsers, updateDisplayName } from "./db/queries-users.ts";
import type { AuthTables, UserRow } from "./db/tables.ts";
import { UserNotFoundError } from "./errors.ts";
import { searchPrefix, searchTerms } from "./user-search.ts";

/** Who people are, to others and to themselves. */
export interface Profiles {
  /** Throws UserNotFoundError. */
  get(userId: string): Promise<UserRow>;
  /** Those that exist, by username, each once. */
  getSeveral(userIds: readonly string[]): Promise<UserRow[]>;
  /** Changes what is given; throws UserNotFoundError. */
  update(userId: string, change: { displayName: string | undefined }): Promise<UserRow>;
  /** A page of those found by the query, by username, after the one named; and whether there are more. */
  search(query: string, page: { after: string | undefined; size: number }): Promise<UserPage>;
  /** The ids of those that exist and aren't deleted, in the order asked, each once. */
  findIds(userIds: readonly string[]): Promise<string[]>;
}

export interface UserPage {
  readonly users: readonly UserRow[];
  readonly hasMore: boolean;
}

export function createProfiles({ db }: { db: Kysely<AuthTables> }): Profiles {
  async function get(userId: string): Promise<UserRow> {
    const user = isId(userId) ? await findUser(db, idToBytes(userId)) : undefined;
    if (user === undefined) throw new UserNotFoundError();
    return user;
  }

  async function getSeveral(userIds: readonly string[]): Promise<UserRow[]> {
    const ids = [...new Set(userIds)].filter(isId);
    const rows = await findUsers(db, ids.map(idToBytes));
    return rows.sort((a, b) => (a.username < b.username ? -1 : 1));
  }

  return {
    get,
    getSeveral,

    async update(userId, { displayName }) {
      if (displayName === undefined) return get(userId);
      return transact(db, async (tx) => {
        const user = await findUser(tx, idToBytes(userId));
        if (user === undefined) throw new UserNotFoundError();
        if (user.display_name === displayName) return user;
        await updateDisplayName(tx, user, displayName, searchTerms(user.username, displayName));
        return { ...user, display_name: displayName };
      });
    },

    async search(query, { after, size }) {
      const users = await searchUsers(db, { ...searchPrefix(query), afterUsername: after, limit: size + 1 });
      return { users: users.slice(0, size), hasMore: users.length > size };
    },

    async findIds(userIds) {
      const users = await getSeveral(userIds);
      const alive = users.filter((user) => user.deleted_at === null).map((user) => bytesToId(user.user_id));
      const found = new Set(alive);
      return [...new Set(userIds)].filter((userId) => found.has(userId));
    },
  };
}
