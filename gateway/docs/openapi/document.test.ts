import type { JsonObject } from "@bufbuild/protobuf";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect, test } from "vitest";
import { bindingsOf } from "../../rest/bindings.ts";
import { publicServices } from "../../services.ts";
import { readImage, registryOf } from "../image.ts";
import { createOpenApi } from "./document.ts";

// biome-ignore lint/suspicious/noExplicitAny: an OpenAPI document, of which each test looks at another part
const document: any = createOpenApi({
  registry: registryOf(readImage()),
  services: publicServices,
  version: "1.2.3",
});

interface Operation {
  operationId: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  [key: string]: any;
}

const operations: Operation[] = Object.values(
  document.paths as Record<string, Record<string, Operation>>,
).flatMap((path) => Object.values(path));
const operation = (id: string) => operations.find(({ operationId }) => operationId === id);

test("one validator finds it valid", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
});

test("the other finds nothing to say either", async () => {
  const config = await createConfig({
    extends: ["recommended-strict"],
    rules: {
      // Health, keys and contracts refuse nobody.
      "operation-4xx-response": "off",
      // A WebSocket begins with a 101.
      "operation-2xx-response": "off",
    },
  });
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: "openapi.json",
    config,
  });
  const said = problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]);
  expect(said).toEqual([]);
});

test("every binding of the public services is an operation, and no operation has another's id", () => {
  const methods = publicServices.flatMap(bindingsOf).map(({ method }) => method.localName);
  const rpcs = operations.filter(({ tags }) => tags[0] !== "Server");
  expect(rpcs.map(({ operationId }) => operationId).sort()).toEqual(methods.sort());
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
});

test("comments come along, with the names that JSON has", () => {
  expect(operation("listMessages")?.description).toContain("with `afterSeq` the page right after it");
  for (const each of operations) expect(each.summary, each.operationId).not.toBe("");
  const undescribed = Object.entries(document.components.schemas as Record<string, JsonObject>).filter(
    ([, schema]) => !schema.description,
  );
  expect(undescribed).toEqual([]);
});

test("a body has what the path lacks, with its bounds", () => {
  expect(document.components.schemas.SendMessageRequest).toMatchObject({
    properties: {
      clientId: { type: "string", minLength: 1, maxLength: 64, pattern: "^[!-~]*$" },
      text: { type: "string", minLength: 1, maxLength: 8000 },
      replyToSeq: { type: "string", format: "int64", pattern: "^[1-9][0-9]*$" },
    },
    required: ["clientId", "text"],
  });
  expect(document.components.schemas.SendMessageRequest.properties).not.toHaveProperty("roomId");
  expect(operation("logout")?.requestBody).toBeUndefined();
  expect(operation("listMembers")?.parameters).toMatchObject([
    { name: "roomId", in: "path", required: true },
    {
      name: "pageSize",
      in: "query",
      required: false,
      schema: { type: "integer", format: "int32", minimum: 1, maximum: 200 },
    },
    { name: "pageToken", in: "query", required: false, schema: { maxLength: 1000 } },
  ]);
});

test("answers are as Protobuf JSON writes them", () => {
  const { Message, TimelineEvent, InboxItem } = document.components.schemas;
  expect(Message.required).toEqual(["roomId", "seq", "authorId", "clientId", "text", "sentAt", "reactions"]);
  expect(Message.properties.sentAt).toMatchObject({ type: "string", format: "date-time" });
  expect(InboxItem.properties.unreadCount).toMatchObject({ type: "integer", format: "int32" });
  expect(InboxItem.required).not.toContain("lastMessage");
  expect(TimelineEvent.oneOf).toContainEqual({ required: ["messagePosted"] });
});

test("access, and the reasons that comments name", () => {
  expect(operation("login")?.security).toEqual([]);
  expect(operation("getMe")?.security).toEqual([{ accessToken: [] }]);
  const reasons = (id: string) =>
    Object.values(operation(id)?.responses as Record<string, { $ref?: string }>).flatMap(
      ({ $ref }) => $ref?.split("/").at(-1)?.split(".") ?? [],
    );
  expect(reasons("login")).toContain("WRONG_CREDENTIALS");
  expect(reasons("login")).not.toContain("TOKEN_EXPIRED");
  const toKeys = ["UNAUTHENTICATED", "TOKEN_EXPIRED", "ROLE_TOO_LOW"];
  for (const id of ["ensureUser", "issueTokens"]) expect(reasons(id)).toEqual(expect.arrayContaining(toKeys));
  expect(reasons("ensureUser")).not.toContain("SESSION_REVOKED");
  expect(reasons("editMessage")).toEqual(
    expect.arrayContaining(["NOT_AUTHOR", "MESSAGE_DELETED", "ROOM_NOT_FOUND", "RATE_LIMITED"]),
  );
  expect(reasons("listRooms")).not.toContain("ROOM_NOT_FOUND");
  expect(operation("getMe")?.responses["429"].$ref).toBe("#/components/responses/RATE_LIMITED");
});

test("every example is what its schema says", () => {
  const ajv = new Ajv2020({ strictRequired: false, allErrors: true });
  formats.default(ajv);
  for (const format of ["int32", "int64"]) ajv.addFormat(format, true);
  ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
  ajv.addSchema(document, "openapi.json");
  const resolve = (schema: { $ref?: string }) =>
    schema.$ref ? { $ref: `openapi.json${schema.$ref}` } : schema;
  const check = (schema: object, example: unknown, where: string) => {
    const validate = ajv.compile(resolve(schema));
    validate(example);
    expect({ where, errors: validate.errors }).toEqual({ where, errors: null });
  };

  for (const { operationId, parameters = [], requestBody, responses } of operations) {
    for (const { schema, example, name } of parameters) {
      if (example !== undefined) check(schema, example, `${operationId} ${name}`);
    }
    for (const content of [requestBody?.content, responses["200"]?.content]) {
      const { schema, example } = content?.["application/json"] ?? {};
      if (example !== undefined) check(schema, example, operationId);
    }
  }
  for (const [reason, { value }] of Object.entries(
    document.components.examples as Record<string, JsonObject>,
  )) {
    check({ $ref: "#/components/schemas/Error" }, value, reason);
  }
});

test("it names no server but the one that it comes from", () => {
  expect(document.servers).toMatchObject([{ url: "/" }]);
  expect(JSON.stringify(document)).not.toMatch(/localhost|127\.0\.0\.1/);
  expect(document.info.version).toBe("1.2.3");
});
