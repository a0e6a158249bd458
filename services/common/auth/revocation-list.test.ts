import { describe, expect, test } from "vitest";
import { accessTokenLifetimeMs } from "../auth.ts";
import { newId } from "../ids.ts";
import { refusal, sessionId, sign, startVerifier } from "../test-verifier.ts";

describe("revocations", () => {
  test("a session that ends is refused at once, and its connections hear of it once", async () => {
    const { verifier, auth } = startVerifier();
    const heard: string[] = [];
    const stopListening = verifier.onRevoked((id) => heard.push(id));
    const token = await sign();
    await verifier.verify(token);

    auth.ended.push(sessionId);
    auth.ended.push(sessionId);
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(true);

    expect(verifier.cached(token)).toBeUndefined();
    expect(await refusal(verifier, token)).toBe("SESSION_REVOKED");
    expect(await refusal(verifier, await sign({ lifetime: 500 }))).toBe("SESSION_REVOKED");
    const other = newId();
    auth.ended.push(other);
    await expect.poll(() => heard).toEqual([sessionId, other]);
    stopListening();
  });

  test("a session that ended while Auth was away is refused when it is back", async () => {
    const { verifier, auth, stop, start } = startVerifier();
    const token = await sign();
    await verifier.verify(token);
    await stop();
    expect(verifier.cached(token)).toBeDefined();
    auth.past = [sessionId];
    start();
    await expect.poll(() => verifier.isRevoked(sessionId), { timeout: 3_000 }).toBe(true);
  });

  test("an ended session is forgotten when its last token must have expired", async () => {
    const { verifier, auth, time } = startVerifier();
    auth.ended.push(sessionId);
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(true);
    time.ahead = accessTokenLifetimeMs + 61_000;
    auth.ended.push(newId());
    await expect.poll(() => verifier.isRevoked(sessionId)).toBe(false);
  });
});
