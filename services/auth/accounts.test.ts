import { decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { retryAfterMsOf } from "../common/errors.ts";
import { from, openAuthDatabase, password, refusal, startTestAuth } from "./test-auth.ts";

describe("Register", () => {
  test("makes the user and signs them in", async () => {
    const { auth, users } = await startTestAuth();
    const { user, tokens } = await auth.register({ username: "Alice.B", password, deviceName: "laptop" });
    expect(user).toMatchObject({ username: "alice.b", displayName: "alice.b" });
    expect(user?.externalId).toBeUndefined();
    expect(user?.deletedAt).toBeUndefined();
    const as = { headers: { authorization: `Bearer ${tokens?.accessToken}` } };
    expect((await users.getMe({}, as)).user).toEqual(user);
    expect((await auth.listSessions({}, as)).sessions).toMatchObject([
      { deviceName: "laptop", current: true },
    ]);
  });

  test("keeps the display name as it was typed", async () => {
    const { auth } = await startTestAuth();
    const { user } = await auth.register({ username: "alice", password, displayName: "  Ａlice\tẞ " });
    expect(user?.displayName).toBe("  Ａlice\tẞ ");
  });

  test("refuses a name that is taken, in any case, also at the same moment", async () => {
    const { auth } = await startTestAuth();
    const registrations = ["alice", "Alice", "ALICE"].map((username) =>
      auth.register({ username, password }),
    );
    const reasons = await Promise.all(registrations.map(refusal));
    expect(reasons.toSorted()).toEqual(["USERNAME_TAKEN", "USERNAME_TAKEN", undefined]);
    expect(await refusal(auth.register({ username: "aLICE", password }))).toBe("USERNAME_TAKEN");
  });

  test("refuses what breaks the rules, all of it at once", async () => {
    const { auth } = await startTestAuth();
    const bad = { username: "a b", password: "short", displayName: "", deviceName: "x".repeat(101) };
    const error = await auth.register(bad).catch((error) => error);
    for (const field of ["username", "password", "display_name", "device_name"]) {
      expect(error.message).toContain(field);
    }
    for (const username of ["ab", "x".repeat(33), "älice", "alice!", "ali ce", "\u212aelvin"]) {
      expect(await refusal(auth.register({ username, password }))).toBe("INVALID_ARGUMENT");
    }
  });
});

describe("Login", () => {
  test("takes the name in any case", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const { user, tokens } = await service.auth.login({ username: "ALICE", password });
    expect(user?.userId).toBe(alice.userId);
    expect(decodeProtectedHeader(tokens?.accessToken ?? "")).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
  });

  test("answers an unknown name and a wrong password alike", async () => {
    const service = await startTestAuth();
    await service.signUp("alice");
    const attempts = [
      { username: "alice", password: "wrong password" },
      { username: "nobody", password },
    ];
    const [wrong, unknown] = await Promise.all(
      attempts.map((attempt) => service.auth.login(attempt).catch((error) => error)),
    );
    expect(await refusal(Promise.reject(wrong))).toBe("WRONG_CREDENTIALS");
    expect(unknown.message).toBe(wrong.message);
  });

  test("hashes again what was hashed at another cost", async () => {
    const before = await startTestAuth();
    await before.signUp("alice");
    await before.close();
    const passwordCost = { memoryCost: 128, timeCost: 1, parallelism: 1 };
    const after = await startTestAuth({ folder: before.folder, config: { passwordCost } });
    await after.auth.login({ username: "alice", password });
    await after.close();
    const { kysely } = await openAuthDatabase(before.folder);
    const credential = await kysely.selectFrom("credential").selectAll().executeTakeFirstOrThrow();
    expect(credential.password_hash).toContain("m=128,");
    expect(credential.revision).toBe(1);
  });

  test("is refused as overloaded when too many wait", async () => {
    const service = await startTestAuth({ config: { passwordConcurrency: 1, maxWaitingPasswords: 1 } });
    const attempts = Array.from({ length: 10 }, () => service.auth.login({ username: "nobody", password }));
    const reasons = await Promise.all(attempts.map(refusal));
    expect(reasons).toContain("OVERLOADED");
    expect(reasons).toContain("WRONG_CREDENTIALS");
  });
});

describe("ChangePassword", () => {
  const newPassword = "another battery staple";

  test("ends all other sessions and lets in with the new password only", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const { tokens: other } = await service.auth.login({ username: "alice", password });
    await service.auth.changePassword({ currentPassword: password, newPassword }, alice.as);
    const otherRefresh = service.auth.refresh({ refreshToken: other?.refreshToken ?? "" });
    expect(await refusal(otherRefresh)).toBe("SESSION_REVOKED");
    expect(await refusal(service.auth.refresh({ refreshToken: alice.refreshToken }))).toBeUndefined();
    expect(await refusal(service.auth.login({ username: "alice", password }))).toBe("WRONG_CREDENTIALS");
    await service.auth.login({ username: "alice", password: newPassword });
  });

  test("changes nothing when the current password is wrong", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const call = service.auth.changePassword({ currentPassword: newPassword, newPassword }, alice.as);
    expect(await refusal(call)).toBe("WRONG_CREDENTIALS");
    await service.auth.login({ username: "alice", password });
  });

  test("leaves no session to a login that runs beside it", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const logins = Array.from({ length: 6 }, () => service.auth.login({ username: "alice", password }));
    const change = service.auth.changePassword({ currentPassword: password, newPassword }, alice.as);
    await Promise.allSettled([...logins, change]);
    await change;
    const { sessions } = await service.auth.listSessions({}, alice.as);
    expect(sessions).toHaveLength(1);
  });

  test("of two changes at once one wins", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const changes = ["first new password", "second new password"].map((newPassword) =>
      service.auth.changePassword({ currentPassword: password, newPassword }, alice.as),
    );
    expect((await Promise.all(changes.map(refusal))).toSorted()).toEqual(["WRONG_CREDENTIALS", undefined]);
  });
});

describe("limits", () => {
  test("of registrations are per address", async () => {
    const { auth } = await startTestAuth({ env: { PARLEY_LIMIT_REGISTRATIONS_PER_ADDRESS: "2/h" } });
    const register = (username: string, address: string) =>
      refusal(auth.register({ username, password }, from(address)));
    expect(await register("alice", "192.0.2.1")).toBeUndefined();
    expect(await register("bob", "192.0.2.1")).toBeUndefined();
    expect(await register("carol", "192.0.2.1")).toBe("RATE_LIMITED");
    expect(await register("carol", "192.0.2.2")).toBeUndefined();
  });

  test("of logins say when to come back, and a stranger's don't lock the owner out", async () => {
    const { auth, signUp } = await startTestAuth({ env: { PARLEY_LIMIT_LOGINS_PER_ACCOUNT: "3/h" } });
    await signUp("alice");
    const guess = () =>
      auth
        .login({ username: "alice", password: "wrong password" }, from("192.0.2.66"))
        .catch((error) => error);
    for (let turn = 0; turn < 3; turn++)
      expect(await refusal(Promise.reject(await guess()))).toBe("WRONG_CREDENTIALS");
    expect(retryAfterMsOf(await guess())).toBeGreaterThan(60_000);
    expect(await refusal(auth.login({ username: "alice", password }, from("192.0.2.1")))).toBeUndefined();
  });

  test("of logins hold for an address over all accounts", async () => {
    const { auth } = await startTestAuth({ env: { PARLEY_LIMIT_LOGINS_PER_ADDRESS: "2/h" } });
    const login = (username: string) => refusal(auth.login({ username, password }, from("2001:db8::1")));
    expect(await login("alice")).toBe("WRONG_CREDENTIALS");
    expect(await login("bob")).toBe("WRONG_CREDENTIALS");
    expect(await login("carol")).toBe("RATE_LIMITED");
  });

  test("of logins hold for guesses at the current password too", async () => {
    const { auth, signUp } = await startTestAuth({ env: { PARLEY_LIMIT_LOGINS_PER_ACCOUNT: "2/h" } });
    const alice = await signUp("alice");
    const guess = () =>
      refusal(auth.changePassword({ currentPassword: "wrong password", newPassword: password }, alice.as));
    expect([await guess(), await guess(), await guess()]).toEqual([
      "WRONG_CREDENTIALS",
      "WRONG_CREDENTIALS",
      "RATE_LIMITED",
    ]);
  });

  test("of refreshes hold for an address over all sessions, and before the token is looked at", async () => {
    const { auth, signUp } = await startTestAuth({ env: { PARLEY_LIMIT_REFRESHES_PER_ADDRESS: "2/h" } });
    const alice = await signUp("alice");
    const refresh = (refreshToken: string, address: string) =>
      refusal(auth.refresh({ refreshToken }, from(address)));
    expect(await refresh("a guess", "2001:db8::1")).toBe("UNAUTHENTICATED");
    expect(await refresh("another", "2001:db8::2")).toBe("UNAUTHENTICATED");
    expect(await refresh("a third", "2001:db8::3")).toBe("RATE_LIMITED");
    expect(await refresh(alice.refreshToken, "2001:db8::4")).toBe("RATE_LIMITED");
    expect(await refresh(alice.refreshToken, "192.0.2.1")).toBeUndefined();
  });

  test("of refreshes hold for a session wherever they come from, and guesses at it count for nothing", async () => {
    const { auth, signUp } = await startTestAuth({ env: { PARLEY_LIMIT_REFRESHES_PER_SESSION: "2/h" } });
    const [alice, bob] = [await signUp("alice"), await signUp("bob")];
    const refresh = (refreshToken: string, turn: number) =>
      auth.refresh({ refreshToken }, from(`192.0.2.${turn}`));
    for (let turn = 0; turn < 5; turn++) {
      const forged = `${alice.refreshToken.slice(0, -8)}AAAAAAA${turn}`;
      expect(await refusal(refresh(forged, turn))).toBe("UNAUTHENTICATED");
    }
    let { refreshToken } = alice;
    for (let turn = 0; turn < 2; turn++)
      refreshToken = (await refresh(refreshToken, turn)).tokens?.refreshToken ?? "";
    const error = await refresh(refreshToken, 9).catch((error) => error);
    expect(await refusal(Promise.reject(error))).toBe("RATE_LIMITED");
    expect(retryAfterMsOf(error)).toBeGreaterThan(60_000);
    expect(await refusal(refresh(bob.refreshToken, 9))).toBeUndefined();
  });
});
