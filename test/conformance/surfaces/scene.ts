import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, vi } from "vitest";
import type { RunningStack } from "../../stack.ts";
import { type Api, createApi, ok, type Person, reasonOf, refused as refusal } from "../api.ts";
import type { Answer } from "../clients/answer.ts";
import type { Call, CallClient, Method } from "../clients/client.ts";
import { expired, readSigningKey } from "../signing.ts";
import type { Keys } from "./keys.ts";
import { normalise } from "./normalise.ts";

/** Who calls: all that a call shows of them. */
export type Bearer = Pick<Person, "accessToken">;

/** One call of a scenario and its answer, with what differs from run to run replaced by names. */
export interface Exchange {
  readonly what: string;
  /** Undefined where the surface has no way to say it. */
  readonly answer: { status: number; body: unknown } | undefined;
}

/** What a scenario plays with: people and rooms of its own surface, and the RPC that it is about. */
export interface Scene {
  readonly ada: Person;
  readonly bob: Person;
  /** In no room but those of the scenario. */
  readonly eve: Person;
  /** That embeds Parley: a server key for every call. */
  readonly application: Bearer;
  /** Whatever is no call under test: REST's. */
  readonly api: Api;
  /** Somebody who has done nothing yet. */
  person(name: string): Promise<Person>;
  /** Calls the RPC, which has to succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the scenario reads
  ok(what: string, who: Bearer | undefined, request?: JsonObject): Promise<any>;
  /** Calls the RPC, which has to be refused for this reason. */
  refused(what: string, who: Bearer | undefined, request: JsonObject, reason: string): Promise<void>;
  /** The same for the rules of these fields, in the order of the contract. */
  bad(what: string, who: Bearer | undefined, request: JsonObject, fields: string[]): Promise<void>;
}

export type Scenario = (scene: Scene) => Promise<void>;

/** People of one surface, whose names sort alike on every surface. */
export interface Cast {
  readonly prefix: string;
  readonly api: Api;
  readonly ada: Person;
  readonly bob: Person;
  readonly eve: Person;
  /** Whose session has ended. */
  readonly gone: Person;
  /** Ada's token, when its time is over. */
  readonly expired: string;
  readonly keys: Keys;
}

export async function castOf(stack: RunningStack, keys: Keys): Promise<Cast> {
  const prefix = `s${randomUUID().slice(0, 8)}`;
  const api = createApi(stack.url);
  const person = (name: string) =>
    api.register({ username: `${prefix}-${name}`, displayName: `${prefix} ${name}` });
  const [ada, bob, eve, gone] = await Promise.all([
    person("ada"),
    person("bob"),
    person("eve"),
    person("gone"),
  ]);
  await ok(gone.post("/v1/auth/logout"));
  await vi.waitFor(() => refusal(gone.get("/v1/users/me"), 401, "SESSION_REVOKED"), 5000);
  const { privateKey } = await readSigningKey(stack);
  return {
    prefix,
    api,
    ada,
    bob,
    eve,
    gone,
    expired: expired({ token: ada.accessToken, privateKey }),
    keys,
  };
}

export interface SceneDeps {
  readonly client: CallClient;
  readonly cast: Cast;
  readonly method: Method;
}

export interface Take {
  readonly scene: Scene;
  readonly exchanges: Exchange[];
  /** Makes a call of whatever kind; answers what came. */
  exchange(what: string, call: Omit<Call, "method">): Promise<Answer | undefined>;
}

/** gRPC repeats it in the trailers where an answer has both. */
const requestId = /^([0-9a-f-]{36})(, \1)?$/;

/** A scene, and what is said in it. */
export function take({ client, cast, method }: SceneDeps): Take {
  const { prefix, api, ada, bob, eve, keys } = cast;
  const exchanges: Exchange[] = [];
  const names = new Map(Object.entries({ ada, bob, eve }).map(([name, person]) => [person.userId, name]));

  async function exchange(what: string, call: Omit<Call, "method">): Promise<Answer | undefined> {
    const answer = await client.call({ ...call, method });
    if (answer !== undefined) expect(answer.headers.get("x-request-id"), what).toMatch(requestId);
    exchanges.push({
      what,
      answer: answer && { status: answer.status, body: normalise(answer.body, { prefix, names }) },
    });
    return answer;
  }

  async function refused(what: string, who: Bearer | undefined, request: JsonObject, reason: string) {
    const answer = await exchange(what, { request, token: who?.accessToken });
    if (answer !== undefined)
      expect(reasonOf(answer.body), `${what}: ${JSON.stringify(answer.body)}`).toBe(reason);
    return answer;
  }

  const scene: Scene = {
    ada,
    bob,
    eve,
    application: { accessToken: keys.good },
    api,
    async person(name) {
      const person = await api.register({
        username: `${prefix}-${name}-${exchanges.length}`,
        displayName: name,
      });
      names.set(person.userId, name);
      return person;
    },
    async ok(what, who, request = {}) {
      const answer = await exchange(what, { request, token: who?.accessToken });
      if (answer !== undefined) expect(answer.status, `${what}: ${JSON.stringify(answer.body)}`).toBe(200);
      return answer?.body ?? {};
    },
    async refused(what, who, request, reason) {
      await refused(what, who, request, reason);
    },
    async bad(what, who, request, fields) {
      const answer = await refused(what, who, request, "INVALID_ARGUMENT");
      if (answer !== undefined) expect(fieldsOf(answer.body), what).toEqual(fields);
    },
  };
  return { scene, exchanges, exchange };
}

/** The fields of a Status's BadRequest, each once; undefined if there is no BadRequest. */
export function fieldsOf(status: {
  details?: { fieldViolations?: { field: string }[] }[];
}): string[] | undefined {
  const violations = status.details?.find((detail) => detail.fieldViolations)?.fieldViolations;
  return violations && [...new Set(violations.map(({ field }) => field.replace(/\[\d+\]/g, "")))];
}
