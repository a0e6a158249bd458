import { type DescField, getOption, type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import { Access, access } from "#gen/parley/options/v1/options_pb.js";
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
  const token = cast.ada.accessToken;
  if (getOption(method, access) === Access.UNSPECIFIED) {
    const asked = async (what: string, given: string | undefined, reason: string) =>
      expectReason(what, await exchange(what, { request, token: given }), reason);
    await asked("without a token", undefined, "UNAUTHENTICATED");
    await asked("with a token that is none", "x.y.z", "UNAUTHENTICATED");
    await asked("with a broken token", `${token.slice(0, -4)}AAAA`, "UNAUTHENTICATED");
    await asked("with a refresh token", cast.ada.refreshToken, "UNAUTHENTICATED");
    await asked("with an ended session's token", cast.gone.accessToken, "SESSION_REVOKED");
  }
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
