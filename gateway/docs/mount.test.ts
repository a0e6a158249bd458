import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { publicServices } from "../services.ts";
import { createTestApp } from "../test-http-app.ts";
import { mountDocs } from "./mount.ts";

function createApp() {
  const app = createTestApp();
  mountDocs(app, { services: publicServices });
  return app;
}

test("/parley.binpb has the public contracts with comments and nothing internal", async () => {
  const answer = await createApp().inject("/parley.binpb");
  expect(answer.headers["content-type"]).toBe("application/protobuf");
  const image = fromBinary(FileDescriptorSetSchema, answer.rawPayload);
  const registry = createFileRegistry(image);
  for (const { typeName } of publicServices) expect(registry.getService(typeName), typeName).toBeDefined();
  expect(image.file.filter(({ name }) => name.includes("internal"))).toEqual([]);
  expect(image.file.every(({ sourceCodeInfo }) => sourceCodeInfo !== undefined)).toBe(true);
});

test("what is known already is not sent again", async () => {
  const app = createApp();
  const { headers } = await app.inject("/parley.binpb");
  const etag = String(headers.etag);
  expect(headers["cache-control"]).toBe("public, no-cache");
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await app.inject({ url: "/parley.binpb", headers: { "if-none-match": known } });
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, "", etag]);
  }
  const other = await app.inject({ url: "/parley.binpb", headers: { "if-none-match": '"other"' } });
  expect(other.statusCode).toBe(200);
});

test("/openapi.json is made once", async () => {
  const app = createApp();
  const answer = await app.inject("/openapi.json");
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.json().info).toMatchObject({
    title: "Parley",
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  expect((await app.inject("/openapi.json")).headers.etag).toBe(answer.headers.etag);
});
