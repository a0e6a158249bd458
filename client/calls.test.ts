import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { type TokenSource, withTokens, withTypedErrors } from "./calls.ts";
import { Code } from "./code.ts";
import { type Caller, createClient } from "./connect-protocol.ts";
import { ParleyError } from "./errors.ts";

const expired = new ParleyError("over", { reason: "TOKEN_EXPIRED", code: Code.Unauthenticated });

/** A server that answers as the test says, an error for each call or nothing for an answer, and hears who calls. */
function setUp(...refusals: unknown[]) {
  const heard: (string | null)[] = [];
  const languages: (string | null)[] = [];
  const given: string[] = [];
  const caller: Caller = async function* call(method, _request, { headers }) {
    const sent = new Headers(headers);
    heard.push(sent.get("authorization"));
    languages.push(sent.get("accept-language"));
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    yield create(method.output);
  };
  const tokens: TokenSource = {
    async accessToken() {
      given.push("first");
      return "first";
    },
    async replace(refused) {
      given.push(`in place of ${refused}`);
      return "second";
    },
  };
  const call = withTokens(caller, tokens);
  return {
    heard,
    languages,
    given,
    tokens,
    users: createClient(UserService, call),
    auth: createClient(AuthService, call),
  };
}

describe("a call with a token", () => {
  test("that is refused for its token is made once more with another", async () => {
    const { users, heard, given } = setUp(expired);
    await users.getUser({ userId: "1" });
    expect(heard).toEqual(["Bearer first", "Bearer second"]);
    expect(given).toEqual(["first", "in place of first"]);
  });

  test("tells of the second refusal", async () => {
    const again = new ParleyError("again", { reason: "SESSION_REVOKED", code: Code.Unauthenticated });
    const { users, heard } = setUp(expired, again);
    await expect(users.getUser({ userId: "1" })).rejects.toBe(again);
    expect(heard).toHaveLength(2);
  });

  test("is made once if it is refused for itself, or by something before the server", async () => {
    const refusals = [
      new ParleyError("no", { reason: "USER_NOT_FOUND", code: Code.NotFound }),
      new ParleyError("log in to the hotel", { reason: "UNAVAILABLE", code: Code.Unavailable }),
    ];
    for (const refusal of refusals) {
      const { users, heard, given } = setUp(refusal);
      await expect(users.getUser({ userId: "1" })).rejects.toBe(refusal);
      expect(heard).toEqual(["Bearer first"]);
      expect(given).toEqual(["first"]);
    }
  });

  test("tells why there is no other token", async () => {
    const { users, tokens, heard } = setUp(expired);
    const revoked = new ParleyError("over", { reason: "SESSION_REVOKED", code: Code.Unauthenticated });
    tokens.replace = () => Promise.reject(revoked);
    await expect(users.getUser({ userId: "1" })).rejects.toBe(revoked);
    expect(heard).toEqual(["Bearer first"]);
  });

  test("goes on with the one that the caller gave, whatever comes of it", async () => {
    const { users, heard, given } = setUp(expired);
    const headers = { authorization: "Bearer of the caller's" };
    await expect(users.getUser({ userId: "1" }, { headers })).rejects.toBe(expired);
    expect(heard).toEqual(["Bearer of the caller's"]);
    expect(given).toEqual([]);
  });

  test("takes the caller's headers along, and leaves them as they are", async () => {
    const { users, languages } = setUp(expired);
    const headers = new Headers({ "accept-language": "de" });
    await users.getUser({ userId: "1" }, { headers });
    expect(languages).toEqual(["de", "de"]);
    expect([...headers.keys()]).toEqual(["accept-language"]);
  });
});

test("signing up, signing in and refreshing need no token, and a refusal is no reason for one", async () => {
  const { auth, heard, given } = setUp();
  await auth.register({ username: "ada" });
  await auth.login({ username: "ada" });
  await auth.refresh({ refreshToken: "r" });
  expect(heard).toEqual([null, null, null]);
  const refused = setUp(expired);
  await expect(refused.auth.refresh({ refreshToken: "r" })).rejects.toBe(expired);
  expect([...given, ...refused.given]).toEqual([]);
  await auth.changePassword({});
  expect(heard.at(-1)).toBe("Bearer first");
});

describe("what its signal ended", () => {
  test("is cancelled, whatever came of it", async () => {
    const ending = new AbortController();
    const users = createClient(
      UserService,
      withTypedErrors(async function* cut() {
        yield* [];
        ending.abort(new Error("enough"));
        throw new TypeError("terminated");
      }),
    );
    const asking = users.getUser({ userId: "1" }, { signal: ending.signal });
    await expect(asking).rejects.toMatchObject({ reason: "CANCELLED", code: Code.Canceled });
  });

  test("is cancelled while it waits for its token", async () => {
    const { users, tokens, heard } = setUp();
    const ending = new AbortController();
    tokens.accessToken = async (signal) => {
      ending.abort(new Error("enough"));
      throw signal?.reason;
    };
    const asking = users.getUser({ userId: "1" }, { signal: ending.signal });
    await expect(asking).rejects.toMatchObject({ name: "ParleyError", reason: "CANCELLED" });
    expect(heard).toEqual([]);
  });
});

test("what fails without an answer fails with a ParleyError", async () => {
  const { users } = setUp(new TypeError("fetch failed"));
  const asking = users.getUser({ userId: "1" }, { signal: new AbortController().signal });
  await expect(asking).rejects.toMatchObject({ name: "ParleyError", reason: "UNAVAILABLE" });
});
