import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, ok, password, reasonOf, uniqueName } from "./api.ts";
import { serverKeyFor } from "./server-key.ts";

/** Whom a rate is counted against, with a proxy in front that tells clients apart. */
describe.each(topologies)("rates by client: $name", ({ start, gateways }) => {
  beforeEach(({ skip }) => skip(gateways > 1, "each gateway counts by itself"));

  let stack: Stack;
  let api: Api;

  beforeAll(async () => {
    stack = await start({
      env: {
        PARLEY_LIMITS: "",
        PARLEY_TRUSTED_PROXIES: "127.0.0.1",
        PARLEY_LIMIT_REQUESTS_PER_ADDRESS: "8/h",
        PARLEY_LIMIT_REQUESTS_PER_SERVER_KEY: "20/h",
        PARLEY_LIMIT_LOGINS_PER_ACCOUNT: "3/h",
      },
    });
    api = createApi(stack.url);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const post = (path: string, address: string, body: object, key?: string) => {
    const authorization = key && { authorization: `Bearer ${key}` };
    return api.call("POST", path, { headers: { "x-forwarded-for": address, ...authorization }, body });
  };
  /** What so many calls one after the other are answered: a status or a reason. */
  async function answers(count: number, call: () => ReturnType<typeof post>) {
    const seen: (string | number)[] = [];
    for (let turn = 0; turn < count; turn++) {
      const { status, body } = await call();
      seen.push(reasonOf(body) ?? status);
    }
    return seen;
  }

  test("a good server key has a rate of its own, wherever it calls from, and leaves the address its own", async () => {
    const key = await serverKeyFor(stack);
    const ensure = (address: string) => post("/v1/admin/users:ensure", address, { externalId: "1" }, key);
    // The first call is counted by address: nobody knows the key yet.
    expect(await answers(16, () => ensure("192.0.2.1"))).toEqual(Array(16).fill(200));
    expect(await answers(5, () => ensure("192.0.2.2"))).toEqual([...Array(5).fill(200)]);
    expect(await answers(1, () => ensure("192.0.2.3"))).toEqual(["RATE_LIMITED"]);
    const login = () => post("/v1/auth/login", "192.0.2.1", { username: uniqueName(), password });
    expect(await answers(8, login)).toEqual([...Array(7).fill("WRONG_CREDENTIALS"), "RATE_LIMITED"]);
  });

  test("a wrong server key is counted by address", async () => {
    const wrong = `${(await serverKeyFor(stack)).slice(0, -1)}_`;
    const ensure = (key: string) => post("/v1/admin/users:ensure", "192.0.2.20", { externalId: "1" }, key);
    expect(await answers(9, () => ensure(wrong))).toEqual([
      ...Array(8).fill("UNAUTHENTICATED"),
      "RATE_LIMITED",
    ]);
    const other = `parley_sk_${"A".repeat(48)}`;
    expect(await answers(1, () => ensure(other))).toEqual(["RATE_LIMITED"]);
  });

  test("who tries a person's password from elsewhere doesn't lock them out", async () => {
    const username = uniqueName();
    await ok(post("/v1/auth/register", "192.0.2.30", { username, password }));
    const login = (address: string, secret: string) =>
      post("/v1/auth/login", address, { username, password: secret });
    const guesses = await answers(5, () => login("192.0.2.66", "a guess or so"));
    expect(guesses).toEqual([...Array(3).fill("WRONG_CREDENTIALS"), "RATE_LIMITED", "RATE_LIMITED"]);
    expect(await answers(1, () => login("192.0.2.66", password))).toEqual(["RATE_LIMITED"]);
    await ok(login("192.0.2.30", password));
  });
});
