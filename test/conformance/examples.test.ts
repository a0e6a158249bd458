import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exampleIds } from "../../gateway/docs/openapi/examples.ts";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, ok, type Person, roomOf, send, uniqueName } from "./api.ts";
import { serverKeyFor } from "./server-key.ts";

interface Example {
  id: string;
  verb: string;
  path: string;
  body: JsonObject | undefined;
  /** By an application, with a server key. */
  isApplications: boolean;
}

describe.each(topologies)("examples of /openapi.json: $name", ({ start }) => {
  let stack: Stack;
  let api: Api;
  let serverKey: string;

  beforeAll(async () => {
    stack = await start();
    api = createApi(stack.url);
    serverKey = await serverKeyFor(stack);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test("every request that it shows is accepted, by who may make it", { timeout: 120_000 }, async () => {
    const document = await ok(api.call("GET", "/openapi.json"));
    const refusals: unknown[] = [];
    for (const example of examplesOf(document)) {
      const { person, real } = await createWorld(api, example.id);
      const path = real(example.path);
      const body = example.body && JSON.parse(real(JSON.stringify(example.body)));
      const token = example.isApplications ? serverKey : person.accessToken;
      const answer = await api.call(example.verb, path, { body, token });
      if (answer.status !== 200) refusals.push([example.id, path, body, answer.body]);
    }
    expect(refusals).toEqual([]);
  });
});

/** Someone for whom the things exist that the examples name; `real` puts their ids in the place of the examples'. */
async function createWorld(api: Api, operation: string) {
  const [owner, other] = (await api.people(2)) as [Person, Person];
  const [room, another] = [await roomOf(owner), await roomOf(owner)];
  // The room's second event, after its owner came.
  await send(owner, room, "the message of the examples");
  const invitation = await ok(owner.post(`/v1/rooms/${room}/invitations`));
  await ok(other.post("/v1/invitations:accept", { code: invitation.code }));
  const toAnother = await ok(owner.post(`/v1/rooms/${another}/invitations`));
  const { sessions } = await ok(owner.get("/v1/auth/sessions"));

  const ids: Record<string, string> = {
    [exampleIds.user]: other.userId,
    [exampleIds.otherUser]: other.userId,
    [exampleIds.room]: room,
    [exampleIds.session]: sessions[0].sessionId,
    [exampleIds.invitation]: invitation.invitation.invitationId,
    [exampleIds.code]: toAnother.code,
    [exampleIds.refreshToken]: owner.refreshToken,
    // Register's example has taken the username.
    ...(operation === "ensureUser" && { '"ada"': JSON.stringify(uniqueName()) }),
  };
  const real = (text: string) =>
    Object.entries(ids).reduce((replaced, [example, id]) => replaced.replaceAll(example, id), text);
  // The owner can't leave, and who is invited is someone else.
  return { person: ["leaveRoom", "acceptInvitation"].includes(operation) ? other : owner, real };
}

/** The requests in the document's order, in which Register makes the account that Login signs in to. */
function examplesOf(document: { paths: Record<string, Record<string, JsonObject>> }): Example[] {
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations)
      .filter(([, { tags }]) => JSON.stringify(tags) !== '["Server"]')
      .map(([verb, operation]) => exampleOf(verb.toUpperCase(), template, operation)),
  );
}

function exampleOf(verb: string, template: string, operation: JsonObject): Example {
  // biome-ignore lint/suspicious/noExplicitAny: an operation of an OpenAPI document
  const { operationId, parameters, requestBody, security } = operation as any;
  let path = template;
  const query = new URLSearchParams();
  for (const { name, in: where, example } of parameters) {
    if (example === undefined) continue;
    if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(example));
    else query.set(name, example);
  }
  const search = query.size > 0 ? `?${query}` : "";
  return {
    id: operationId,
    verb,
    path: path + search,
    body: requestBody?.content["application/json"].example,
    isApplications: JSON.stringify(security).includes("serverKey"),
  };
}
