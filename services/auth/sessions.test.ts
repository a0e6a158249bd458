import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { bearer, password, refusal, startTestAuth, type TestAuth } from "./test-auth.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

async function refresh(service: TestAuth, refreshToken: string): Promise<string> {
  const { tokens } = await service.auth.refresh({ refreshToken });
  return tokens?.refreshToken ?? "";
}

async function login(service: TestAuth, username: string, deviceName?: string) {
  const { tokens } = await service.auth.login({ username, password, ...(deviceName && { deviceName }) });
  const accessToken = tokens?.accessToken ?? "";
  return {
    as: bearer(accessToken),
    refreshToken: tokens?.refreshToken ?? "",
    sessionId: String(decodeJwt(accessToken).sid),
  };
}

describe("a refresh token", () => {
  test("is replaced at each use, in the same session", async () => {
    const service = await startTestAuth();
    const { tokens: first } = await service.auth.register({ username: "alice", password });
    const { tokens: second } = await service.auth.refresh({ refreshToken: first?.refreshToken ?? "" });
    expect(second?.refreshToken).not.toBe(first?.refreshToken);
    const [before, after] = [first, second].map((tokens) => decodeJwt(tokens?.accessToken ?? ""));
    expect(after).toMatchObject({ sub: before?.sub, sid: before?.sid });
    expect(await refusal(refresh(service, second?.refreshToken ?? ""))).toBeUndefined();
  });

  test("used by two tabs at once gives both the same successor", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    const successors = await Promise.all(Array.from({ length: 8 }, () => refresh(service, refreshToken)));
    expect(new Set(successors).size).toBe(1);
    expect(await refusal(refresh(service, successors[0] ?? ""))).toBeUndefined();
  });

  test("answers its unused successor for 30 s and not longer", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    const successor = await refresh(service, refreshToken);
    service.clock.advance(29_000);
    expect(await refresh(service, refreshToken)).toBe(successor);
    service.clock.advance(2_000);
    expect(await refusal(refresh(service, refreshToken))).toBe("REFRESH_TOKEN_REUSED");
    expect(await refusal(refresh(service, successor))).toBe("SESSION_REVOKED");
    expect(await refusal(refresh(service, refreshToken))).toBe("SESSION_REVOKED");
  });

  test("ends the session when it comes back after its successor was used", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    const second = await refresh(service, refreshToken);
    const third = await refresh(service, second);
    expect(await refusal(refresh(service, refreshToken))).toBe("REFRESH_TOKEN_REUSED");
    for (const token of [refreshToken, second, third]) {
      expect(await refusal(refresh(service, token))).toBe("SESSION_REVOKED");
    }
  });

  test("ends the session however long ago it was replaced", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    let latest = refreshToken;
    for (let turn = 0; turn < 5; turn++) {
      service.clock.advance(20 * day);
      latest = await refresh(service, latest);
    }
    expect(await refusal(refresh(service, refreshToken))).toBe("REFRESH_TOKEN_REUSED");
    expect(await refusal(refresh(service, latest))).toBe("SESSION_REVOKED");
  });

  test("lives 30 days from its last use, and a repeated answer adds nothing", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    const first = await service.auth.refresh({ refreshToken });
    const expiresAt = Number(first.tokens?.refreshTokenExpiresAt?.seconds);
    expect(Math.abs(expiresAt * 1000 - service.clock() - 30 * day)).toBeLessThan(5_000);
    service.clock.advance(20_000);
    const again = await service.auth.refresh({ refreshToken });
    expect(again.tokens?.refreshTokenExpiresAt).toEqual(first.tokens?.refreshTokenExpiresAt);
    service.clock.advance(30 * day);
    expect(await refusal(refresh(service, first.tokens?.refreshToken ?? ""))).toBe("TOKEN_EXPIRED");
    expect(await refusal(refresh(service, refreshToken))).toBe("TOKEN_EXPIRED");
  });

  test("that was never made is unknown and ends nothing", async () => {
    const service = await startTestAuth();
    const { refreshToken } = await service.signUp("alice");
    const forged = refreshToken.slice(0, -8) + "A".repeat(8);
    for (const token of [forged, "x", "prt_", "é"]) {
      expect(await refusal(refresh(service, token))).toBe("UNAUTHENTICATED");
    }
    expect(await refusal(refresh(service, ""))).toBe("INVALID_ARGUMENT");
    expect(await refusal(refresh(service, refreshToken))).toBeUndefined();
  });

  test("survives a restart, and so does its answer", async () => {
    const before = await startTestAuth();
    const { refreshToken } = await before.signUp("alice");
    const successor = await refresh(before, refreshToken);
    await before.close();
    const after = await startTestAuth({ folder: before.folder, clock: before.clock });
    expect(await refresh(after, refreshToken)).toBe(successor);
  });
});

describe("ending a session", () => {
  test("Logout ends the one that asks; its tokens are refused", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const phone = await login(service, "alice");
    await service.auth.logout({}, alice.as);
    expect(await refusal(refresh(service, alice.refreshToken))).toBe("SESSION_REVOKED");
    await expect.poll(() => refusal(service.users.getMe({}, alice.as))).toBe("SESSION_REVOKED");
    expect(await refusal(service.users.getMe({}, phone.as))).toBeUndefined();
  });

  test("RevokeSession ends one's own, again without effect, and nobody else's", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    const bob = await service.signUp("bob");
    const { sessionId, refreshToken } = await login(service, "alice");
    expect(await refusal(service.auth.revokeSession({ sessionId }, bob.as))).toBe("SESSION_NOT_FOUND");
    await service.auth.revokeSession({ sessionId }, alice.as);
    await service.auth.revokeSession({ sessionId }, alice.as);
    expect(await refusal(refresh(service, refreshToken))).toBe("SESSION_REVOKED");
    for (const unknown of [newId(), sessionId.toUpperCase(), "x"]) {
      const call = service.auth.revokeSession({ sessionId: unknown }, alice.as);
      expect(await refusal(call)).toBe("SESSION_NOT_FOUND");
    }
  });
});

describe("the list of sessions", () => {
  test("holds the live ones, oldest first, and says which one asks", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    service.clock.advance(1000);
    const phone = await login(service, "alice", "phone");
    service.clock.advance(1000);
    const tablet = await login(service, "alice", "tablet");
    await service.auth.revokeSession({ sessionId: tablet.sessionId }, alice.as);
    const { sessions, nextPageToken } = await service.auth.listSessions({}, phone.as);
    expect(sessions.map(({ deviceName, current }) => [deviceName, current])).toEqual([
      ["", false],
      ["phone", true],
    ]);
    expect(sessions[1]?.sessionId).toBe(phone.sessionId);
    expect(nextPageToken).toBe("");
  });

  test("says when each was last refreshed", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    service.clock.advance(5 * minute);
    await refresh(service, alice.refreshToken);
    const { sessions } = await service.auth.listSessions({}, alice.as);
    const { createdAt, lastUsedAt } = sessions[0] ?? {};
    expect(Number(lastUsedAt?.seconds) - Number(createdAt?.seconds)).toBeGreaterThanOrEqual(5 * 60);
  });

  test("comes in pages", async () => {
    const service = await startTestAuth();
    const alice = await service.signUp("alice");
    for (let turn = 0; turn < 4; turn++) await login(service, "alice", `device ${turn}`);
    const names: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await service.auth.listSessions(
        { pageSize: 2, ...(pageToken && { pageToken }) },
        alice.as,
      );
      expect(page.sessions.length).toBeLessThanOrEqual(2);
      names.push(...page.sessions.map(({ deviceName }) => deviceName));
      pageToken = page.nextPageToken;
    } while (pageToken);
    expect(names).toEqual(["", "device 0", "device 1", "device 2", "device 3"]);
    for (const broken of [{ pageToken: "x" }, { pageSize: 0 }, { pageSize: 201 }]) {
      expect(await refusal(service.auth.listSessions(broken, alice.as))).toBe("INVALID_ARGUMENT");
    }
  });

  test("has 100 entries at most: the oldest session ends for the next one", async () => {
    const service = await startTestAuth();
    const first = await service.signUp("alice");
    for (let turn = 0; turn < 99; turn++) await login(service, "alice", `device ${turn}`);
    expect(await refusal(service.users.getMe({}, first.as))).toBeUndefined();
    const last = await login(service, "alice", "the last");
    expect(await refusal(refresh(service, first.refreshToken))).toBe("SESSION_REVOKED");
    const { sessions } = await service.auth.listSessions({ pageSize: 200 }, last.as);
    expect(sessions).toHaveLength(100);
    expect(sessions[0]?.deviceName).toBe("device 0");
  });
});
