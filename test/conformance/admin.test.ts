import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, badFields, createApi, ok, refused } from "./api.ts";

const main = join(import.meta.dirname, "../../services/main.ts");
const run = promisify(execFile);

describe.each(topologies)("an application that embeds Parley: $name", ({ start }) => {
  let stack: Stack;
  let api: Api;

  /** `parley keys …`, beside the Parley that runs on the same data. */
  async function keys(...words: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, PARLEY_DATABASE_URL: `sqlite:${stack.folder}` };
    return (await run(process.execPath, [main, "keys", ...words], { env })).stdout;
  }
  const admin = (path: string, token: string, body: object) => api.call("POST", path, { token, body });

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test("makes a user, gets their tokens, and they are somebody like all others", async () => {
    const key = (await keys("create", "--name", "shop", "--quiet")).trim();
    const body = { externalId: "customer 7", displayName: "Ada" };
    const { user, created } = await ok(admin("/v1/admin/users:ensure", key, body));
    expect([created, user.externalId, user.displayName]).toEqual([true, "customer 7", "Ada"]);
    expect((await ok(admin("/v1/admin/users:ensure", key, body))).created).toBe(false);

    const { tokens } = await ok(admin(`/v1/admin/users/${user.userId}:issueTokens`, key, {}));
    const me = await ok(api.call("GET", "/v1/users/me", { token: tokens.accessToken }));
    expect(me.user).toEqual(user);
    await ok(api.call("POST", "/v1/rooms", { token: tokens.accessToken, body: { name: "Tea" } }));
    const other = await api.register();
    expect((await ok(other.get(`/v1/users/${user.userId}`))).user.externalId).toBeUndefined();
  });

  test("keys are listed, scoped, replaced without a gap and revoked, while Parley runs", async () => {
    const old = (await keys("create", "--name", "old", "--scopes", "users:ensure", "--quiet")).trim();
    const next = (await keys("create", "--name", "next", "--expires", "90d", "--quiet")).trim();
    const ensure = (key: string) => admin("/v1/admin/users:ensure", key, { externalId: "1" });
    const { user } = await ok(ensure(old));
    await ok(ensure(next));
    await refused(admin(`/v1/admin/users/${user.userId}:issueTokens`, old, {}), 403, "ROLE_TOO_LOW");

    const listed = JSON.parse(await keys("list", "--json")) as { name: string; keyId: string }[];
    const { keyId } = listed.find(({ name }) => name === "old")!;
    expect(JSON.stringify(listed)).not.toContain(old);
    expect(await keys("revoke", keyId)).toContain("revoked");
    await refused(ensure(old), 401, "UNAUTHENTICATED");
    await ok(ensure(next));
    expect(stack.output()).not.toContain(next);
  });

  test("without a key, with a person's token or a broken one there is nothing to be had", async () => {
    const person = await api.register();
    const body = { externalId: "1" };
    await refused(api.call("POST", "/v1/admin/users:ensure", { body }), 401, "UNAUTHENTICATED");
    for (const token of [person.accessToken, "parley_sk_guess"])
      await refused(admin("/v1/admin/users:ensure", token, body), 401, "UNAUTHENTICATED");
  });

  test("every broken rule is named", async () => {
    const key = (await keys("create", "--name", "rules", "--quiet")).trim();
    const wrong = { externalId: "", username: "a b", displayName: "" };
    const fields = await badFields(admin("/v1/admin/users:ensure", key, wrong));
    expect(fields).toEqual(["display_name", "external_id", "username"]);
  });
});
