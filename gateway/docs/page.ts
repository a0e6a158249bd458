import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { pagePolicy } from "../security-headers.ts";
import { type Asset, createAsset, sendAsset } from "./asset.ts";

const html = "text/html; charset=utf-8";
const css = "text/css; charset=utf-8";
const script = "text/javascript; charset=utf-8";

/** What there is: a path names one of these or nothing, so that none leads to another file. */
const files: Readonly<Record<string, { file: string; type: string }>> = {
  "/docs": { file: local("./page/index.html"), type: html },
  "/docs/": { file: local("./page/index.html"), type: html },
  "/docs/initializer.js": { file: local("./page/initializer.js"), type: script },
  "/docs/page.css": { file: local("./page/page.css"), type: css },
  "/docs/swagger-ui.css": { file: packaged("swagger-ui.css"), type: css },
  "/docs/swagger-ui-bundle.js": { file: packaged("swagger-ui-bundle.js"), type: script },
  "/docs/favicon.png": { file: packaged("favicon-32x32.png"), type: "image/png" },
};

/**
 * Swagger UI runs under the policy of all our pages: its scripts and styles are files, and the styles that it gives to
 * elements it sets by script, which needs no 'unsafe-inline'. Its stylesheet holds icons as data: URLs.
 */
const policy = pagePolicy({ "img-src": "data:" });

/** `/docs`: a page to browse /openapi.json and try its calls, with nothing from another host. */
export function mountReference(app: FastifyInstance): void {
  for (const [path, { file, type }] of Object.entries(files)) {
    // Read when it is first asked for, which most processes never are.
    let asset: Asset | undefined;
    app.get(path, (request, reply) => {
      asset ??= createAsset(readFileSync(new URL(file)), type);
      if (type === html) reply.header("content-security-policy", policy);
      return sendAsset(asset, request, reply);
    });
  }
}

function local(path: string): string {
  return new URL(path, import.meta.url).href;
}

function packaged(name: string): string {
  return import.meta.resolve(`swagger-ui-dist/${name}`);
}
