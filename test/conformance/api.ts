import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type { RunningStack } from "../stack.ts";
import type { Answer } from "./clients/answer.ts";
import { bindingsOf, fromHttp } from "./clients/bindings.ts";
import type { CallClient, Surface } from "./clients/client.ts";
import { contracts } from "./clients/contracts.ts";
import { fetchAnswer } from "./clients/rest.ts";
import { assertDescribed } from "./described.ts";

/** A person who uses Parley, in REST's terms, as any program that has read api.md would. */
export interface Person {
  readonly userId: string;
  readonly username: string;
  readonly password: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
  patch(path: string, body?: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
}

export interface CallOptions {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
}

export interface Api {
  readonly url: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A new person with a name nobody has. */
  register(profile?: { username?: string; displayName?: string; deviceName?: string }): Promise<Person>;
  /** Several at once. */
  people(count: number): Promise<Person[]>;
  /** The person again, by another session. */
  login(person: Person): Promise<Person>;
  close(): Promise<void>;
}

export const password = "correct horse battery";

const bindings = bindingsOf(contracts);

/**
 * Parley in REST's terms. With a client of another surface, requests that are calls of an RPC go by that, whose answer
 * is the same but for its headers; what only HTTP can say (another path, a header, a body that is no message) stays REST.
 */
export function createApi(url: string, client?: CallClient): Api {
  async function call(verb: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const answer = (await callByClient(verb, path, options)) ?? (await callByHttp(verb, path, options));
    assertDescribed(verb, path, answer);
    return answer;
  }

  async function callByClient(verb: string, path: string, { body, token, headers }: CallOptions) {
    if (client === undefined || headers !== undefined || !isMessage(body)) return undefined;
    const rpc = fromHttp(bindings, { verb, path, body });
    return rpc && client.call({ ...rpc, token });
  }

  function callByHttp(method: string, path: string, { body, token, headers }: CallOptions): Promise<Answer> {
    return fetchAnswer(url + path, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  function person(signedIn: Answer): Person {
    expect(signedIn.status, JSON.stringify(signedIn.body)).toBe(200);
    const { user, tokens } = signedIn.body;
    const as = (method: string) => (path: string, body?: unknown) =>
      call(method, path, { token: tokens.accessToken, ...(body !== undefined && { body }) });
    return {
      userId: user.userId,
      username: user.username,
      password,
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      get: as("GET"),
      post: (path, body = {}) => as("POST")(path, body),
      put: as("PUT"),
      patch: as("PATCH"),
      delete: as("DELETE"),
    };
  }

  const register: Api["register"] = async (profile = {}) => {
    const username = profile.username ?? uniqueName();
    return person(await call("POST", "/v1/auth/register", { body: { ...profile, username, password } }));
  };
  return {
    url,
    call,
    register,
    people: (count) => Promise.all(Array.from({ length: count }, () => register())),
    login: async ({ username }) =>
      person(await call("POST", "/v1/auth/login", { body: { username, password } })),
    close: async () => client?.close(),
  };
}

/** Parley through one of its surfaces. */
export async function openApi(stack: RunningStack, surface: Surface): Promise<Api> {
  return createApi(stack.url, await surface.connect(stack));
}

function isMessage(body: unknown): body is JsonObject | undefined {
  return body === undefined || (typeof body === "object" && body !== null && !Array.isArray(body));
}

/** A username that no other test has. */
export function uniqueName(prefix = "u"): string {
  return `${prefix}-${randomUUID().slice(0, 18)}`;
}

/** The answer's message, for an answer that has to be good. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export async function ok(answer: Promise<Answer>): Promise<any> {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

/** Asserts a refusal: HTTP status, google.rpc.Status, ErrorInfo. Answers the body. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export async function refused(answer: Promise<Answer>, httpStatus: number, reason: string): Promise<any> {
  const { status, body } = await answer;
  expect({ status, reason: reasonOf(body) }, JSON.stringify(body)).toEqual({ status: httpStatus, reason });
  expect(body.message).not.toBe("");
  return body;
}

interface Detail {
  "@type": string;
  reason?: string;
  domain?: string;
  fieldViolations?: { field: string; description: string }[];
}

/** The ErrorInfo's reason of a google.rpc.Status. */
export function reasonOf(status: { details?: Detail[] } | undefined): string | undefined {
  const info = status?.details?.find((each) => each["@type"] === "type.googleapis.com/google.rpc.ErrorInfo");
  return info?.domain === "parley" ? info.reason : undefined;
}

/** The fields that a refusal names, sorted. */
export async function badFields(answer: Promise<Answer>): Promise<string[]> {
  const body = await refused(answer, 400, "INVALID_ARGUMENT");
  const bad = body.details.find(
    (each: Detail) => each["@type"] === "type.googleapis.com/google.rpc.BadRequest",
  ) as Detail;
  return (bad?.fieldViolations ?? []).map((violation) => violation.field).sort();
}

/** A group room with these people in it, the first as its owner. */
export async function roomOf(owner: Person, ...others: Person[]): Promise<string> {
  const memberIds = others.map((other) => other.userId);
  const { room } = await ok(owner.post("/v1/rooms", { name: "room", memberIds }));
  return room.roomId;
}

let lastClientId = 0;

export function newClientId(): string {
  return `c-${++lastClientId}-${randomUUID().slice(0, 8)}`;
}

/** Posts and answers the message. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export async function send(author: Person, roomId: string, text: string, more: object = {}): Promise<any> {
  const body = { clientId: newClientId(), text, ...more };
  const { message } = await ok(author.post(`/v1/rooms/${roomId}/messages`, body));
  return message;
}

/** The whole timeline of a room, page by page. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export async function timelineOf(reader: Person, roomId: string): Promise<any[]> {
  const events = [];
  for (let afterSeq = "0"; ; ) {
    const page = await ok(reader.get(`/v1/rooms/${roomId}/timeline?afterSeq=${afterSeq}&pageSize=200`));
    events.push(...page.events);
    if (!page.hasMore) return events;
    afterSeq = page.events.at(-1).seq;
  }
}
