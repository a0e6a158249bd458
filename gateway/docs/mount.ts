import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { createAsset, sendAsset } from "./asset.ts";

/** What developers of clients fetch from a running server. */
export function mountDocs(app: FastifyInstance): void {
  const image = createAsset(
    readFileSync(new URL(import.meta.resolve("#gen/parley.binpb"))),
    "application/protobuf",
  );
  app.get("/parley.binpb", (request, reply) => sendAsset(image, request, reply));
}
