import type { IssuedTokens } from "./types.ts";

/** Tokens as they are kept: plain data. */
export interface KeptTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token ends by this device's clock, in ms since 1970. */
  readonly endsAt: number;
  /** When it is to be replaced. */
  readonly renewAt: number;
}

/** A minute before its end, or a fifth of a short life. */
const renewBeforeMs = 60_000;

/** The end is reckoned from now and from the token's length of life, so that a wrong clock does no harm. */
export function keepTokens({ accessToken, refreshToken }: IssuedTokens, now: number): KeptTokens {
  const lifeMs = lifeOf(accessToken);
  const endsAt = now + lifeMs;
  return { accessToken, refreshToken, endsAt, renewAt: endsAt - Math.min(renewBeforeMs, lifeMs / 5) };
}

function lifeOf(accessToken: string): number {
  const payload = accessToken.split(".")[1] ?? "";
  const { iat, exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  if (typeof iat !== "number" || typeof exp !== "number" || exp <= iat) throw new Error("no access token");
  return (exp - iat) * 1000;
}
