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

test("other verbs are told which there are", async () => {
  const app = createApp();
  for (const url of ["/docs", "/openapi.json?v=1", "/parley.binpb"]) {
    const answer = await app.inject({ method: "POST", url, payload: "x" });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
    expect(answer.json().details[0].reason).toBe("METHOD_NOT_ALLOWED");
  }
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

test("/docs is a page of files that are there by name, under a policy without exceptions for scripts", async () => {
  const app = createApp();
  const page = await app.inject("/docs");
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(page.headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self';/);
  expect(page.headers["content-security-policy"]).not.toMatch(/unsafe|https?:/);
  const parts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path));
  expect(parts.length).toBe(5);
  for (const part of parts) {
    const answer = await app.inject(part);
    expect([part, answer.statusCode, answer.headers["cache-control"]]).toEqual([
      part,
      200,
      "public, no-cache",
    ]);
    const again = await app.inject({ url: part, headers: { "if-none-match": String(answer.headers.etag) } });
    expect(again.statusCode).toBe(304);
  }
});

test.each([
  "/docs/package.json",
  "/docs/../package.json",
  "/docs/..%2fmount.ts",
  "/docs/%2e%2e/mount.ts",
  "/docs/swagger-ui.css/../package.json",
  "/docs/swagger-ui-bundle.js.map",
  "/docs/toString",
])("%s is no file of the page", async (url) => {
  const answer = await createApp().inject(url);
  expect(answer.statusCode).toBe(404);
});
