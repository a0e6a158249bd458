import { describe, expect, test } from "vitest";
import { newId } from "../ids.ts";
import { key, makeKey, refusal, sign, startVerifier } from "../test-verifier.ts";

describe("keys", () => {
  test("an unknown key is asked for, and not more often than seldom", async () => {
    const { verifier, auth, time } = startVerifier();
    const next = await makeKey("k2");
    await verifier.verify(await sign());
    expect(auth.asked).toBe(1);
    auth.keys = [key.jwk, next.jwk];
    const token = await sign({ key: next });
    expect(await refusal(verifier, token)).toBe("UNAUTHENTICATED");
    expect(auth.asked).toBe(1);

    time.ahead = 5_000;
    const tokens = await Promise.all(
      ["s", "t", "u"].map(() => sign({ key: next, claims: { sid: newId() } })),
    );
    expect(await Promise.all(tokens.map((each) => refusal(verifier, each)))).toEqual(
      Array(3).fill("accepted"),
    );
    expect(auth.asked).toBe(2);
  });

  test("without any keys and without Auth nobody can tell", async () => {
    const { verifier, stop, start, time } = startVerifier();
    await stop();
    const token = await sign();
    expect(await refusal(verifier, token)).toBe("UNAVAILABLE");
    start();
    time.ahead = 250;
    expect(await refusal(verifier, token)).toBe("accepted");
  });

  test("while Auth is away, tokens of known keys go on being accepted", async () => {
    const { verifier, stop } = startVerifier();
    await verifier.verify(await sign());
    await stop();
    expect(await refusal(verifier, await sign({ claims: { sid: newId() } }))).toBe("accepted");
    expect(await refusal(verifier, await sign({ key: await makeKey("k2") }))).toBe("UNAUTHENTICATED");
  });
});
