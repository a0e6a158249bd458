import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, badFields, ok, openApi, type Person, refused } from "./api.ts";
import { settings } from "./settings.ts";

describe.each(settings)("users: $name", ({ running, surface }) => {
  let api: Api;
  let ada: Person;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    ada = await api.register({ displayName: "Ada" });
  });
  afterAll(() => api.close());

  test("one's profile, read and changed", async () => {
    const me = await ok(ada.get("/v1/users/me"));
    expect(me.user).toMatchObject({ userId: ada.userId, username: ada.username, displayName: "Ada" });
    const changed = await ok(ada.patch("/v1/users/me", { displayName: " Countess\u{1f451} " }));
    expect(changed.user.displayName).toBe(" Countess\u{1f451} ");
    expect((await ok(ada.patch("/v1/users/me", {}))).user).toEqual(changed.user);
    expect(await badFields(ada.patch("/v1/users/me", { displayName: "" }))).toEqual(["display_name"]);
  });

  test("others by id; what is no id is an unknown one", async () => {
    const bob = await api.register();
    expect((await ok(ada.get(`/v1/users/${bob.userId}`))).user.username).toBe(bob.username);
    for (const id of [randomUUID(), "nobody", bob.userId.toUpperCase(), "%00", "a:b"]) {
      await refused(
        ada.get(`/v1/users/${id}`),
        id === "%00" ? 400 : 404,
        id === "%00" ? "INVALID_ARGUMENT" : "USER_NOT_FOUND",
      );
    }
  });

  test("several at once, those that exist", async () => {
    const bob = await api.register();
    const { users } = await ok(
      ada.post("/v1/users:batchGet", { userIds: [bob.userId, randomUUID(), ada.userId, "x"] }),
    );
    expect(users.map((user: { userId: string }) => user.userId).sort()).toEqual(
      [bob.userId, ada.userId].sort(),
    );
    expect(await badFields(ada.post("/v1/users:batchGet", { userIds: [] }))).toEqual(["user_ids"]);
    expect(await badFields(ada.post("/v1/users:batchGet", { userIds: Array(201).fill("x") }))).toEqual([
      "user_ids",
    ]);
  });

  test("search by prefix of username or of a word of the display name, folded, by username, paged", async () => {
    const mark = `z${randomUUID().slice(0, 8)}`;
    const names = await Promise.all([
      api.register({ username: `${mark}-c` }),
      api.register({ username: `${mark}-a` }),
      api.register({ displayName: `Grace ${mark.toUpperCase()}` }),
    ]);
    const search = (query: string, more = "") => ok(ada.get(`/v1/users?query=${query}${more}`));
    const all = await search(mark.toUpperCase());
    const expected = names.map((person) => person.username).sort();
    expect(all.users.map((user: { username: string }) => user.username)).toEqual(expected);
    const first = await search(mark, "&pageSize=2");
    expect(first.users).toHaveLength(2);
    const second = await search(mark, `&pageSize=2&pageToken=${encodeURIComponent(first.nextPageToken)}`);
    expect(second.users.map((user: { username: string }) => user.username)).toEqual(expected.slice(2));
    expect(second.nextPageToken).toBe("");
    expect((await search(mark.slice(1))).users).toEqual([]);
    expect(await badFields(ada.get("/v1/users?query=a"))).toEqual(["query"]);
    expect(await badFields(ada.get("/v1/users"))).toEqual(["query"]);
  });
});
