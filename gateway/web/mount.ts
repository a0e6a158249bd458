import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Asset, sendAsset } from "../docs/asset.ts";
import { pageHeaders, pagePolicy } from "../security-headers.ts";
import { encodings, type PageFile } from "./built-page.ts";

/**
 * The page makes its elements by script from text, never from HTML, and no library of it needs to: Trusted Types forbid
 * it. Its pictures are drawn in its own markup.
 */
const policy = `${pagePolicy({ "img-src": "data:" })}; require-trusted-types-for 'script'; trusted-types 'none'`;

/**
 * `/`: the page to chat in, made with Parley's own client. Only the paths of files that were built are there, so that
 * none leads to another file, and what isn't one stays ROUTE_NOT_FOUND. It finds its own ways behind the `#`.
 */
export function mountPage(app: FastifyInstance, deps: { files: readonly PageFile[] }): void {
  if (deps.files.length === 0) app.get("/", (_, reply) => sayNotBuilt(reply));
  for (const file of deps.files) app.get(file.path, (request, reply) => sendFile(file, request, reply));
}

function sendFile(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (file.path === "/") reply.headers(pageHeaders).header("content-security-policy", policy);
  reply.header("vary", "accept-encoding");
  const asset = chooseEncoding(file, request, reply);
  sendAsset(asset, request, reply, file.immutable ? "public, max-age=31536000, immutable" : undefined);
  return reply;
}

/** The smallest that the browser takes. */
function chooseEncoding(file: PageFile, request: FastifyRequest, reply: FastifyReply): Asset {
  const taken = takenEncodings(request.headers["accept-encoding"]);
  for (const { name } of encodings) {
    const encoded = file.encoded[name];
    if (encoded === undefined || !taken.has(name)) continue;
    reply.header("content-encoding", name);
    return encoded;
  }
  return file.plain;
}

/** Those named in Accept-Encoding, less those that `q=0` refuses. */
function takenEncodings(header: string | string[] | undefined): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const each of String(header ?? "").split(",")) {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) taken.add(name);
  }
  return taken;
}

function sayNotBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .type("text/plain; charset=utf-8")
    .send(
      "Parley is running. Its page was not built: `npm run build` builds it, with the development packages of " +
        "`npm ci` there; then start Parley again.\n",
    );
}
