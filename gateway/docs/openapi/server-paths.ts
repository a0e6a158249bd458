import type { JsonObject } from "@bufbuild/protobuf";
import { type Errors, headersOf } from "./errors.ts";

export const serverTag = {
  name: "Server",
  description: "What is not an RPC: health, keys, contracts, realtime.",
};

/** The paths that no contract has. */
export function serverPaths(errors: Errors): JsonObject {
  const get = (
    operationId: string,
    summary: string,
    answers: JsonObject,
    more: { description?: string; parameters?: JsonObject[] } = {},
  ): JsonObject => ({
    get: {
      operationId,
      tags: [serverTag.name],
      summary,
      ...more,
      security: [],
      responses: { ...answers, ...errors.responses(["INTERNAL"]) },
    },
  });

  return {
    "/healthz": get("healthz", "The process lives", ok("It lives.", json(status("ok")))),
    "/readyz": get("readyz", "It can serve", {
      ...ok("Every part answers, and it is not about to stop.", json(status("ready"))),
      "503": {
        description: "It is about to stop, or a part does not answer.",
        headers: headersOf(200),
        content: json({ oneOf: [status("stopping"), { $ref: "#/components/schemas/Error" }] }),
      },
    }),
    "/.well-known/jwks.json": get(
      "getKeySet",
      "The keys that access tokens are signed with, as a JWK Set",
      ok("Current and next keys.", json(keySet)),
    ),
    "/parley.binpb": get(
      "getImage",
      "The contracts as a buf image, from which `buf generate` makes a client",
      cached(ok("A `FileDescriptorSet` with comments.", { "application/protobuf": {} })),
    ),
    "/openapi.json": get("getOpenApi", "This document", cached(ok("OpenAPI 3.1.", json({ type: "object" })))),
    "/docs": get("getDocs", "A page to browse this document and try its calls", {
      ...ok("The page.", { "text/html": {} }),
    }),
    "/v1/realtime": {
      get: {
        operationId: "realtime",
        tags: [serverTag.name],
        summary: "Realtime over a WebSocket",
        description: realtime,
        security: [],
        parameters: [subprotocol],
        responses: {
          "101": { description: "A WebSocket. The first frame is `hello`, which carries the access token." },
          ...errors.responses(["INVALID_ARGUMENT", "ORIGIN_REFUSED", "RATE_LIMITED", "INTERNAL"]),
        },
      },
    },
  };
}

function ok(description: string, content: JsonObject): JsonObject {
  return { "200": { description, headers: headersOf(200), content } };
}

function cached(answers: JsonObject): JsonObject {
  return { ...answers, "304": { description: "As it was when the ETag in If-None-Match came." } };
}

function json(schema: JsonObject): JsonObject {
  return { "application/json": { schema } };
}

function status(value: string): JsonObject {
  return { type: "object", properties: { status: { const: value } }, required: ["status"] };
}

const keySet: JsonObject = {
  type: "object",
  properties: {
    keys: {
      type: "array",
      items: {
        type: "object",
        properties: {
          kty: { const: "OKP" },
          crv: { const: "Ed25519" },
          x: { type: "string", description: "The public key, base64url." },
          kid: { type: "string", description: "Its thumbprint (RFC 7638)." },
          alg: { type: "string" },
          use: { const: "sig" },
        },
        required: ["kty", "crv", "x", "kid"],
      },
    },
  },
  required: ["keys"],
};

const subprotocol: JsonObject = {
  name: "Sec-WebSocket-Protocol",
  in: "header",
  required: true,
  description: "Frames as JSON text, or as binary Protobuf.",
  schema: { enum: ["parley.v1.json", "parley.v1.proto"] },
};

const realtime =
  "An upgrade to a WebSocket. One `ClientFrame` or `ServerFrame` of `parley.realtime.v1` is one WebSocket message; the " +
  "contracts in `/parley.binpb` describe them.";
