import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestApp } from "../test-http-app.ts";
import { readBuiltPage } from "./built-page.ts";
import { mountPage } from "./mount.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-page-"));
const html = "<!doctype html><title>Parley</title>";
const script = "export {};".repeat(100);

beforeAll(() => {
  mkdirSync(join(folder, "assets"));
  const files = { "index.html": html, "assets/index-abc123.js": script, "favicon.svg": "<svg/>" };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, `${name}.gz`), gzipSync(text));
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(text));
  }
  writeFileSync(join(folder, "notes.txt"), "no part of the page");
});
afterAll(() => rmSync(folder, { recursive: true }));

function createApp(from = folder) {
  const app = createTestApp();
  mountPage(app, { files: readBuiltPage(pathToFileURL(`${from}/`)) });
  return app;
}

test("the page is asked for each time, under a policy without exceptions", async () => {
  const answer = await createApp().inject("/");
  expect([answer.statusCode, answer.body]).toEqual([200, html]);
  expect(answer.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "public, no-cache",
    "cross-origin-opener-policy": "same-origin",
    vary: "accept-encoding",
  });
  expect(answer.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'; .*require-trusted-types-for 'script'/,
  );
  expect(answer.headers["content-security-policy"]).not.toMatch(/unsafe|https?:/);
});

test("what has a hash in its name is kept for ever", async () => {
  const answer = await createApp().inject("/assets/index-abc123.js");
  expect([answer.statusCode, answer.body]).toEqual([200, script]);
  expect(answer.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  expect((await createApp().inject("/favicon.svg")).headers["cache-control"]).toBe("public, no-cache");
});

test.each([
  { accept: "gzip, deflate, br, zstd", encoding: "br" },
  { accept: "gzip", encoding: "gzip" },
  { accept: "br;q=0, gzip;q=0.5", encoding: "gzip" },
  { accept: "br;q=0.0, gzip;q=0", encoding: undefined },
  { accept: "identity", encoding: undefined },
  { accept: "", encoding: undefined },
])("who takes $accept gets $encoding", async ({ accept, encoding }) => {
  const answer = await createApp().inject({ url: "/", headers: { "accept-encoding": accept } });
  expect(answer.headers["content-encoding"]).toBe(encoding);
  const decode = { br: brotliDecompressSync, gzip: gunzipSync }[encoding ?? ""];
  expect(String(decode ? decode(answer.rawPayload) : answer.rawPayload)).toBe(html);
});

test("what is known is not sent again, in the encoding in which it is known", async () => {
  const app = createApp();
  const tags = new Set<string>();
  for (const encoding of ["br", "gzip", "identity"]) {
    const headers = { "accept-encoding": encoding };
    const etag = String((await app.inject({ url: "/", headers })).headers.etag);
    const again = await app.inject({ url: "/", headers: { ...headers, "if-none-match": etag } });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    tags.add(etag);
  }
  expect(tags.size).toBe(3);
});

test("HEAD says the same without the body, and other verbs are told which there are", async () => {
  const app = createApp();
  const head = await app.inject({ method: "HEAD", url: "/" });
  expect([head.statusCode, head.body]).toEqual([200, ""]);
  expect(head.headers["content-length"]).toBe(String(html.length));
  const post = await app.inject({ method: "POST", url: "/", payload: "x" });
  expect([post.statusCode, post.headers.allow]).toEqual([405, "GET, HEAD"]);
});

test.each([
  "/index.html",
  "/assets",
  "/assets/",
  "/assets/other.js",
  "/assets/index-abc123.js.gz",
  "/assets/../index.html",
  "/assets/..%2findex.html",
  "/notes.txt",
  "/rooms/1",
])("%s is no file of the page", async (url) => {
  const answer = await createApp().inject(url);
  expect([answer.statusCode, answer.json().details[0].reason]).toEqual([404, "ROUTE_NOT_FOUND"]);
});

test("where no page was built, it says so", async () => {
  const answer = await createApp(join(folder, "nothing")).inject("/");
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
  expect(answer.body).toMatch(/was not built: `npm run build`/);
});
