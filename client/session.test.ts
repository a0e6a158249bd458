import { setImmediate as turn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test, vi } from "vitest";
import { TokensSchema } from "#gen/parley/auth/v1/auth_pb.js";
import { RefreshResponseSchema } from "#gen/parley/auth/v1/auth_service_pb.js";
import { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { createSession, type SessionDeps } from "./session.ts";
import { completeStorage } from "./storage-locks.ts";

const user = create(UserSchema, { userId: "1", username: "ada", displayName: "Ada" });
const lifeMs = 600_000;

/** A token of ten minutes by a clock that is an hour off. */
function token(name: string): string {
  const payload = btoa(JSON.stringify({ iat: 3_600, exp: 3_600 + lifeMs / 1000, name }));
  return `head.${payload}.tail`;
}

function setUp({ storage = createMemoryStorage() } = {}) {
  let now = 1_000_000_000;
  let count = 0;
  const refresh = vi.fn(async ({ refreshToken }: { refreshToken?: string }) => {
    // As another tab's call would, this goes on while others do.
    await turn();
    if (refreshToken !== `refresh ${count}`) throw new ParleyError("reused", reused);
    count += 1;
    return create(RefreshResponseSchema, {
      tokens: create(TokensSchema, { accessToken: token(`${count}`), refreshToken: `refresh ${count}` }),
    });
  });
  const open = () =>
    createSession({
      storage: completeStorage(storage),
      auth: { refresh } as unknown as SessionDeps["auth"],
      now: () => now,
    });
  const pass = (ms: number) => {
    now += ms;
  };
  const first = { accessToken: token("0"), refreshToken: "refresh 0" };
  return { storage, refresh, open, pass, first };
}

const reused = { reason: "REFRESH_TOKEN_REUSED", code: Code.Unauthenticated };

describe("a session", () => {
  test("is kept, and found again", async () => {
    const { open, first } = setUp();
    const session = open();
    expect(session.state.get()).toEqual({ status: "loading" });
    await expect(session.accessToken()).rejects.toMatchObject({ reason: "SIGNED_OUT" });
    await session.signIn(user, first);
    const later = open();
    await expect
      .poll(() => later.state.get())
      .toMatchObject({ status: "signedIn", user: { username: "ada" } });
    expect(await later.accessToken()).toBe(first.accessToken);
  });

  test("gets another token a while before the end of the old one, once for all who ask", async () => {
    const { open, first, pass, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    pass(lifeMs - 61_000);
    expect(await session.accessToken()).toBe(first.accessToken);
    pass(2_000);
    const tokens = await Promise.all([session.accessToken(), session.accessToken(), session.accessToken()]);
    expect(tokens).toEqual([token("1"), token("1"), token("1")]);
    expect(refresh).toHaveBeenCalledOnce();
  });

  test("refreshes once for all who share the storage", async () => {
    const { open, first, pass, refresh } = setUp();
    const tabs = [open(), open(), open()];
    await tabs[0]!.signIn(user, first);
    for (const tab of tabs) await expect.poll(() => tab.state.get().status).toBe("signedIn");
    for (let round = 1; round <= 3; round += 1) {
      pass(lifeMs);
      const tokens = await Promise.all(tabs.map((tab) => tab.accessToken()));
      expect(tokens).toEqual(tabs.map(() => token(String(round))));
      expect(refresh).toHaveBeenCalledTimes(round);
    }
  });

  test("replaces a token that was refused, unless that is done", async () => {
    const { open, first, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    expect(await session.replace(first.accessToken)).toBe(token("1"));
    expect(await session.replace(first.accessToken)).toBe(token("1"));
    expect(refresh).toHaveBeenCalledOnce();
  });

  test("lives on while the server is away, as long as the token does", async () => {
    const { open, first, pass, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    pass(lifeMs - 30_000);
    const away = new ParleyError("away", { reason: "UNAVAILABLE", code: Code.Unavailable });
    refresh.mockRejectedValueOnce(away).mockRejectedValueOnce(away);
    expect(await session.accessToken()).toBe(first.accessToken);
    pass(60_000);
    await expect(session.accessToken()).rejects.toBe(away);
    expect(session.state.get().status).toBe("signedIn");
    expect(await session.accessToken()).toBe(token("1"));
  });

  test("ends everywhere when the server says that it is over", async () => {
    const { open, first, pass, refresh } = setUp();
    const [one, other] = [open(), open()];
    await one.signIn(user, first);
    await expect.poll(() => other.state.get().status).toBe("signedIn");
    pass(lifeMs);
    refresh.mockRejectedValueOnce(new ParleyError("over", { ...reused, reason: "SESSION_REVOKED" }));
    await expect(one.accessToken()).rejects.toMatchObject({ reason: "SESSION_REVOKED" });
    expect(one.state.get()).toEqual({ status: "signedOut", reason: "SESSION_REVOKED" });
    await expect.poll(() => other.state.get()).toEqual({ status: "signedOut", reason: "SESSION_REVOKED" });
  });

  test("isn't ended by one who came too late, where there are no locks", async () => {
    const { open, first, pass, storage, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    pass(lifeMs);
    refresh.mockImplementationOnce(async () => {
      const stored = (await storage.get("session")) as object;
      await storage.set("session", { ...stored, accessToken: token("x"), refreshToken: "of another tab" });
      throw new ParleyError("reused", reused);
    });
    await expect(session.accessToken()).rejects.toMatchObject({ reason: "REFRESH_TOKEN_REUSED" });
    expect(session.state.get().status).toBe("signedIn");
  });

  test("doesn't come back when signing out and refreshing meet", async () => {
    const { open, first, pass } = setUp();
    const [one, other] = [open(), open()];
    await one.signIn(user, first);
    await expect.poll(() => other.state.get().status).toBe("signedIn");
    pass(lifeMs);
    await Promise.allSettled([other.accessToken(), one.signOut()]);
    await expect
      .poll(() => [one.state.get().status, other.state.get().status])
      .toEqual(["signedOut", "signedOut"]);
    await expect(other.accessToken()).rejects.toMatchObject({ reason: "SIGNED_OUT" });
  });

  test("doesn't go on as someone else", async () => {
    const { open, first, pass } = setUp();
    const session = open();
    await session.signIn(user, first);
    const mine = await session.accessToken();
    const bob = create(UserSchema, { userId: "2", username: "bob" });
    await session.signIn(bob, { accessToken: token("bob's"), refreshToken: "refresh 0" });
    await expect(session.replace(mine)).rejects.toMatchObject({ reason: "SIGNED_OUT" });
    expect(await session.accessToken()).toBe(token("bob's"));
    pass(lifeMs);
    const waiting = session.accessToken();
    await session.signIn(user, first);
    await expect(waiting).rejects.toMatchObject({ reason: "SIGNED_OUT" });
  });

  test("lives on where the storage takes nothing any more", async () => {
    const { open, first, pass, storage, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    storage.set = async () => {
      throw new Error("the disk is full");
    };
    for (let round = 1; round <= 3; round += 1) {
      pass(lifeMs);
      expect(await session.accessToken()).toBe(token(`${round}`));
    }
    expect(refresh).toHaveBeenCalledTimes(3);
  });

  test("stops waiting at the caller's signal, and refreshes all the same", async () => {
    const { open, first, pass, refresh } = setUp();
    const session = open();
    await session.signIn(user, first);
    pass(lifeMs);
    const asking = session.accessToken(AbortSignal.abort(new Error("enough")));
    await expect(asking).rejects.toThrow("enough");
    expect(await session.accessToken()).toBe(token("1"));
    expect(refresh).toHaveBeenCalledOnce();
  });
});
