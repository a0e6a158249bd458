import { cors as connectCors } from "@connectrpc/connect";
import fastifyCors from "@fastify/cors";
import type { FastifyInstance } from "fastify";

/** How long a browser may keep the answer of a preflight, seconds: the most that browsers honour is 2 hours. */
const maxAgeSeconds = 7200;

/** Lets pages of these origins call, by every surface that speaks HTTP. Without any, only pages of the server's own. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.register(fastifyCors, {
    origin: [...origins],
    methods: [...new Set([...connectCors.allowedMethods, "PUT", "PATCH", "DELETE"])],
    allowedHeaders: [...connectCors.allowedHeaders, "Authorization", "Traceparent"],
    exposedHeaders: [...connectCors.exposedHeaders, "X-Request-Id", "Retry-After", "WWW-Authenticate"],
    maxAge: maxAgeSeconds,
    strictPreflight: true,
  });
}
