import { createSecretKey } from "node:crypto";
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { reasonOf } from "../errors.ts";
import { createMeshIdentity, createMeshIdentityCheck } from "./mesh-identity.ts";

const secret = "a secret of the mesh, for tests alone";
const start = 1_800_000_000_000;
const seconds = Math.floor(start / 1000);

async function tokenAt(time: number, of = secret): Promise<string> {
  return (await createMeshIdentity(of, { clock: () => time }).header())?.[1] ?? "";
}

async function refusal(token: string | undefined, time = start): Promise<string | undefined> {
  const check = createMeshIdentityCheck(secret, { clock: () => time });
  return check(token).then(
    () => undefined,
    (error) => reasonOf(error),
  );
}

test("a token is good for about a minute, also with clocks that differ a little", async () => {
  const token = await tokenAt(start);
  expect(await refusal(token, start)).toBeUndefined();
  expect(await refusal(token, start - 20_000)).toBeUndefined();
  expect(await refusal(token, start + 80_000)).toBeUndefined();
  expect(await refusal(token, start + 100_000)).toBe("UNAUTHENTICATED");
});

test("one that is known expires all the same", async () => {
  let time = start;
  const check = createMeshIdentityCheck(secret, { clock: () => time });
  const token = await tokenAt(start);
  await check(token);
  await check(token);
  time += 120_000;
  await expect(check(token)).rejects.toThrow();
});

test("is made anew long before it ends, and not for every call", async () => {
  let time = start;
  const identity = createMeshIdentity(secret, { clock: () => time });
  const first = await identity.header();
  time += 19_000;
  expect(await identity.header()).toBe(first);
  time += 1_000;
  expect(await identity.header()).not.toEqual(first);
});

describe("is refused", () => {
  const key = createSecretKey(secret, "utf8");
  const sign = (claims: JWTPayload, alg = "HS256") =>
    new SignJWT(claims).setProtectedHeader({ alg, typ: "JWT" }).sign(key);
  const good = { aud: "parley-mesh", iat: seconds, exp: seconds + 60 };

  test.each<[string, () => Promise<string | undefined>]>([
    ["without any", async () => undefined],
    ["what is no token", async () => "token"],
    ["of another secret", () => tokenAt(start, "quite another secret than that of the mesh")],
    ["for another audience", () => sign({ ...good, aud: "parley" })],
    ["without an end", () => sign({ aud: good.aud, iat: good.iat })],
    ["without a beginning", () => sign({ aud: good.aud, exp: good.exp })],
    ["with an end that is far", () => sign({ ...good, iat: seconds - 600, exp: seconds + 600 })],
    ["by another algorithm", () => sign(good, "HS512")],
    ["by none", async () => new UnsecuredJWT(good).encode()],
  ])("%s", async (_, make) => {
    expect(await refusal(await make())).toBe("UNAUTHENTICATED");
  });
});
