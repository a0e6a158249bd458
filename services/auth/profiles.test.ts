import { describe, expect, test } from "vitest";
import { idToBytes, newId } from "../common/ids.ts";
import { openAuthDatabase, refusal, startTestAuth, type TestAuth } from "./test-auth.ts";

async function search(service: TestAuth, query: string): Promise<string[]> {
  const anyone = await service.signUp(`zz${Math.random().toString(36).slice(2, 10)}`);
  const { users } = await service.users.searchUsers({ query, pageSize: 200 }, anyone.as);
  return users.map(({ username }) => username);
}

describe("a profile", () => {
  test("is seen by everyone, and changed by oneself", async () => {
    const service = await startTestAuth();
    const [alice, bob] = [await service.signUp("alice"), await service.signUp("bob")];
    const { user: changed } = await service.users.updateMe({ displayName: "Älice  " }, alice.as);
    expect(changed).toMatchObject({ username: "alice", displayName: "Älice  " });
    expect((await service.users.getUser({ userId: alice.userId }, bob.as)).user).toEqual(changed);
    expect((await service.users.updateMe({}, alice.as)).user).toEqual(changed);
    expect(await refusal(service.users.updateMe({ displayName: "" }, alice.as))).toBe("INVALID_ARGUMENT");
    expect(await refusal(service.users.updateMe({ displayName: "x".repeat(101) }, alice.as))).toBe(
      "INVALID_ARGUMENT",
    );
  });

  test("of nobody is not found, whatever the id looks like", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    for (const userId of [newId(), alice.userId.toUpperCase(), "x", ""]) {
      expect(await refusal(service.users.getUser({ userId }, alice.as))).toBe("USER_NOT_FOUND");
    }
  });

  test("needs a token", async () => {
    const service = await startTestAuth();
    expect(await refusal(service.users.getMe({}))).toBe("UNAUTHENTICATED");
  });

  test("shows the external id to oneself only", async () => {
    const before = await startTestAuth();
    const [alice, bob] = [await before.signUp("alice"), await before.signUp("bob")];
    await before.close();
    const { kysely, close } = await openAuthDatabase(before.folder);
    await kysely
      .updateTable("user")
      .set({ external_id: "crm-7" })
      .where("user_id", "=", idToBytes(alice.userId))
      .execute();
    await close();
    const { users } = await startTestAuth({ folder: before.folder });
    const userId = alice.userId;
    expect((await users.getMe({}, alice.as)).user?.externalId).toBe("crm-7");
    expect((await users.getUser({ userId }, alice.as)).user?.externalId).toBe("crm-7");
    expect((await users.getUser({ userId }, bob.as)).user?.externalId).toBeUndefined();
    expect((await users.batchGetUsers({ userIds: [userId] }, bob.as)).users[0]?.externalId).toBeUndefined();
    const { users: found } = await users.searchUsers({ query: "alice" }, bob.as);
    expect(found[0]?.externalId).toBeUndefined();
  });
});

test("several profiles come by username, without those that don't exist", async () => {
  const service = await startTestAuth();
  const [alice, bob] = [await service.signUp("alice"), await service.signUp("bob")];
  const userIds = [bob.userId, newId(), "x", alice.userId, bob.userId];
  const { users } = await service.users.batchGetUsers({ userIds }, alice.as);
  expect(users.map(({ username }) => username)).toEqual(["alice", "bob"]);
  for (const count of [0, 201]) {
    const call = service.users.batchGetUsers({ userIds: Array.from({ length: count }, newId) }, alice.as);
    expect(await refusal(call)).toBe("INVALID_ARGUMENT");
  }
  expect((await service.internal.findUsers({ userIds })).userIds).toEqual([bob.userId, alice.userId]);
  expect((await service.internal.findUsers({ userIds: [] })).userIds).toEqual([]);
});

describe("the search", () => {
  test("finds by the beginning of the username or of a word, in any case, by username", async () => {
    const service = await startTestAuth();
    await service.signUp("carol", "Anna Straße");
    await service.signUp("annabel", "Someone Else");
    await service.signUp("bob", "Joanna");
    expect(await search(service, "ANN")).toEqual(["annabel", "carol"]);
    expect(await search(service, "STRASSE")).toEqual(["carol"]);
    expect(await search(service, "else")).toEqual(["annabel"]);
    expect(await search(service, "oanna")).toEqual([]);
  });

  test("takes no sign for a wildcard", async () => {
    const service = await startTestAuth();
    await service.signUp("per_cent", "100% sure");
    await service.signUp("perxcent", "1000 sure");
    expect(await search(service, "100%")).toEqual(["per_cent"]);
    expect(await search(service, "per_")).toEqual(["per_cent"]);
    expect(await search(service, "%%")).toEqual([]);
    expect(await search(service, "**")).toEqual([]);
  });

  test("follows a change of the display name", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice", "Liddell");
    await service.users.updateMe({ displayName: "Hargreaves" }, alice.as);
    expect(await search(service, "liddell")).toEqual([]);
    expect(await search(service, "harg")).toEqual(["alice"]);
    expect(await search(service, "alice")).toEqual(["alice"]);
  });

  test("comes in pages, each person once", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("sam00", "Sam Samson");
    for (let turn = 1; turn < 7; turn++) await service.signUp(`sam0${turn}`, "Sam Sampson Samuel");
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await service.users.searchUsers({ query: "SAM", pageSize: 3, pageToken }, alice.as);
      expect(page.users.length).toBeLessThanOrEqual(3);
      names.push(...page.users.map(({ username }) => username));
      pageToken = page.nextPageToken;
    } while (pageToken);
    expect(names).toEqual(["sam00", "sam01", "sam02", "sam03", "sam04", "sam05", "sam06"]);
  });

  test("refuses a query of one character and broken page tokens", async () => {
    const { users, signUp } = await startTestAuth();
    const { as } = await signUp("alice");
    const bad = [
      { query: "a" },
      { query: "" },
      { query: "al", pageToken: "x" },
      { query: "al", pageSize: 0 },
    ];
    for (const request of bad) expect(await refusal(users.searchUsers(request, as))).toBe("INVALID_ARGUMENT");
    expect(await refusal(users.searchUsers({ query: "😀😀" }, as))).toBeUndefined();
  });
});
