import { type DescField, getOption, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { Access, access, server_key_scope } from "#gen/parley/options/v1/options_pb.js";
import { reasonOf } from "../api.ts";
import type { Answer } from "../clients/answer.ts";
import { bindingsOf } from "../clients/bindings.ts";
import type { Method, Surface } from "../clients/client.ts";
import { connectGet } from "../clients/connect.ts";
import { contracts } from "../clients/contracts.ts";
import { rest } from "../clients/rest.ts";
import { type Cast, fieldsOf, type Take } from "./scene.ts";

const bindings = new Map(bindingsOf(contracts).map((binding) => [binding.method, binding]));

/** What every RPC refuses alike: callers without a token that holds, and what is too large or no message at all. */
export async function playRefusals(
  method: Method,
  surface: Surface,
  cast: Cast,
  { exchange }: Take,
): Promise<void> {
  const request = nothingOf(method);
  for (const { what, token, reason } of unwelcomeTo(method, cast))
    expectReason(what, await exchange(what, { request, token }), reason);
  const token = getOption(method, access) === Access.SERVER_KEY ? cast.keys.good : cast.ada.accessToken;
  const undecodable = await exchange("no message", { request, token, undecodable: true });
  expectReason("no message", undecodable, "INVALID_ARGUMENT");
  if (undecodable) expect(fieldsOf(undecodable.body), "the first fault").toHaveLength(1);

  const text = largeFieldOf(method, surface);
  if (text === undefined) return;
  const large = { ...request, [text.jsonName]: "x".repeat(128 * 1024 + 1) };
  expectReason("too large", await exchange("too large", { request: large, token }), "PAYLOAD_TOO_LARGE");
}

/** Exchanges of which each surface speaks in its own terms: of JSON, of bytes, of a body, of a message. */
export const wordedPerSurface: readonly string[] = ["no message", "too large"];

interface Unwelcome {
  readonly what: string;
  readonly token: string | undefined;
  readonly reason: string;
}

function unwelcomeTo(method: Method, { ada, gone, expired, keys }: Cast): Unwelcome[] {
  const nobody = (credential: string, good: string) => [
    { what: `without ${credential}`, token: undefined, reason: "UNAUTHENTICATED" },
    { what: `with ${credential} that is none`, token: "x.y.z", reason: "UNAUTHENTICATED" },
    {
      what: `with ${credential} that is broken`,
      token: `${good.slice(0, -4)}AAAA`,
      reason: "UNAUTHENTICATED",
    },
    { what: "with a refresh token", token: ada.refreshToken, reason: "UNAUTHENTICATED" },
  ];
  switch (getOption(method, access)) {
    case Access.UNSPECIFIED:
      return [
        ...nobody("a token", ada.accessToken),
        { what: "with a server key", token: keys.good, reason: "UNAUTHENTICATED" },
        { what: "with an ended session's token", token: gone.accessToken, reason: "SESSION_REVOKED" },
        { what: "with an expired token", token: expired, reason: "TOKEN_EXPIRED" },
      ];
    case Access.SERVER_KEY: {
      const scope = getOption(method, server_key_scope);
      const others = [...keys.byScope].filter(([each]) => each !== scope);
      return [
        ...nobody("a server key", keys.good),
        { what: "with a person's token", token: ada.accessToken, reason: "UNAUTHENTICATED" },
        { what: "with a person's expired token", token: expired, reason: "UNAUTHENTICATED" },
        { what: "with an expired key", token: keys.expired, reason: "TOKEN_EXPIRED" },
        ...others.map(([each, token]) => ({
          what: `with a key for ${each} alone`,
          token,
          reason: "ROLE_TOO_LOW",
        })),
      ];
    }
    case Access.PUBLIC:
      return [];
  }
}

function expectReason(what: string, answer: Answer | undefined, reason: string): void {
  if (answer) expect(reasonOf(answer.body), `${what}: ${JSON.stringify(answer.body)}`).toBe(reason);
}

/** The least that can be said by every surface: what stands in REST's path. */
function nothingOf(method: Method): JsonObject {
  const template = bindings.get(method)?.template ?? "";
  const variables = method.input.fields.filter(({ name }) => template.includes(`{${name}}`));
  return Object.fromEntries(variables.map((field) => [field.jsonName, isText(field) ? "x" : "1"]));
}

function isText(field: DescField): boolean {
  return field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
}

/** Where a text can be too large; not in a URL, which has a limit of its own. */
function largeFieldOf(method: Method, surface: Surface): DescField | undefined {
  const binding = bindings.get(method);
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (surface === connectGet && isRead) return undefined;
  if (surface === rest && !binding?.hasBody) return undefined;
  return method.input.fields.find((field) => isText(field) && !binding?.template.includes(`{${field.name}}`));
}
