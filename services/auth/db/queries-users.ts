import type { Kysely } from "kysely";
import { UniqueViolationError } from "../../common/database/errors.ts";
import { UsernameTakenError } from "../errors.ts";
import type { AuthTables, CredentialRow, UserRow } from "./tables.ts";

type Db = Kysely<AuthTables>;

/** What a person is to be found by. */
export interface NewSearchTerm {
  clippedTo: number;
  term: string;
}

/** Adds a user with what they are found by. Throws UsernameTakenError. */
export async function insertUser(db: Db, user: UserRow, terms: readonly NewSearchTerm[]): Promise<void> {
  try {
    await db.insertInto("user").values(user).execute();
  } catch (error) {
    if (error instanceof UniqueViolationError && error.columns.includes("username"))
      throw new UsernameTakenError();
    throw error;
  }
  await insertSearchTerms(db, user.username, terms);
}

/** Without what a database may have besides. */
const userColumns = [
  "user_id",
  "username",
  "display_name",
  "external_id",
  "created_at",
  "deleted_at",
] as const satisfies (keyof UserRow)[];

export async function findUser(db: Db, userId: Uint8Array): Promise<UserRow | undefined> {
  return db.selectFrom("user").select(userColumns).where("user_id", "=", userId).executeTakeFirst();
}

/** The same, held until the transaction ends: whoever begins or ends sessions of the user's waits. */
export async function lockUser(db: Db, userId: Uint8Array): Promise<UserRow | undefined> {
  await db
    .updateTable("user")
    .set((eb) => ({ created_at: eb.ref("created_at") }))
    .where("user_id", "=", userId)
    .execute();
  return findUser(db, userId);
}

export async function findUserByUsername(db: Db, username: string): Promise<UserRow | undefined> {
  return db.selectFrom("user").select(userColumns).where("username", "=", username).executeTakeFirst();
}

export async function findUserByExternalId(db: Db, externalId: string): Promise<UserRow | undefined> {
  const users = await db
    .selectFrom("user")
    .select(userColumns)
    .where("external_id", "=", externalId)
    .execute();
  // SQL Server takes ids that differ only in spaces at the end for equal.
  return users.find((user) => user.external_id === externalId);
}

/** Those of the people that exist, in any order. */
export async function findUsers(db: Db, userIds: readonly Uint8Array[]): Promise<UserRow[]> {
  if (userIds.length === 0) return [];
  return db.selectFrom("user").select(userColumns).where("user_id", "in", userIds).execute();
}

export async function updateDisplayName(
  db: Db,
  user: Pick<UserRow, "user_id" | "username">,
  displayName: string,
  terms: readonly NewSearchTerm[],
): Promise<void> {
  await db
    .updateTable("user")
    .set({ display_name: displayName })
    .where("user_id", "=", user.user_id)
    .execute();
  await db.deleteFrom("user_search").where("username", "=", user.username).execute();
  await insertSearchTerms(db, user.username, terms);
}

/**
 * Up to `limit` people with a term that begins with what is asked, by username, after the one named. A clipped term is
 * read in that order; for a whole one its range of the index is read and sorted.
 */
export async function searchUsers(
  db: Db,
  search: { clippedTo: number; term: string; afterUsername: string | undefined; limit: number },
): Promise<UserRow[]> {
  const { clippedTo, term, afterUsername, limit } = search;
  let matches = db
    .selectFrom("user_search")
    .select("username")
    .distinct()
    .where("clipped_to", "=", clippedTo)
    .orderBy("username")
    .limit(limit);
  matches =
    clippedTo > 0
      ? matches.where("term", "=", term)
      : matches.where("term", ">=", term).where("term", "<", afterAllWith(term));
  if (afterUsername !== undefined) matches = matches.where("username", ">", afterUsername);
  return db
    .selectFrom("user")
    .select(userColumns)
    .where("username", "in", matches)
    .orderBy("username")
    .execute();
}

export async function insertCredential(db: Db, userId: Uint8Array, passwordHash: string): Promise<void> {
  await db
    .insertInto("credential")
    .values({ user_id: userId, password_hash: passwordHash, revision: 1 })
    .execute();
}

export async function findCredential(db: Db, userId: Uint8Array): Promise<CredentialRow | undefined> {
  return db.selectFrom("credential").selectAll().where("user_id", "=", userId).executeTakeFirst();
}

/** In one query, so that it takes as long for somebody as for nobody. */
export async function findCredentialByUsername(db: Db, username: string): Promise<CredentialRow | undefined> {
  return db
    .selectFrom("user")
    .innerJoin("credential", "credential.user_id", "user.user_id")
    .selectAll("credential")
    .where("user.username", "=", username)
    .where("user.deleted_at", "is", null)
    .executeTakeFirst();
}

/** Replaces a hash; under a new revision if the password is another one. */
export async function updateCredential(db: Db, credential: CredentialRow): Promise<void> {
  await db
    .updateTable("credential")
    .set({ password_hash: credential.password_hash, revision: credential.revision })
    .where("user_id", "=", credential.user_id)
    .execute();
}

async function insertSearchTerms(db: Db, username: string, terms: readonly NewSearchTerm[]): Promise<void> {
  if (terms.length === 0) return;
  await db
    .insertInto("user_search")
    .values(terms.map(({ clippedTo, term }) => ({ clipped_to: clippedTo, term, username })))
    .execute();
}

/** The first text after all that begin with this one, whether code points are compared or the halves of UTF-16. */
function afterAllWith(prefix: string): string {
  const characters = [...prefix];
  const last = characters.pop()?.codePointAt(0) ?? 0;
  // What comes next would be half a character.
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return characters.join("") + String.fromCodePoint(next);
}
