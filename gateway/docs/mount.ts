import type { DescService } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import packageJson from "../../package.json" with { type: "json" };
import { type Asset, createAsset, sendAsset } from "./asset.ts";
import { readImage, registryOf } from "./image.ts";
import { createOpenApi } from "./openapi/document.ts";
import { mountReference } from "./page.ts";

/** What developers of clients fetch from a running server. */
export function mountDocs(app: FastifyInstance, deps: { services: readonly DescService[] }): void {
  const image = createAsset(readImage(), "application/protobuf");
  app.get("/parley.binpb", (request, reply) => sendAsset(image, request, reply));

  // Made when it is first asked for, which most processes never are.
  let openApi: Asset | undefined;
  app.get("/openapi.json", (request, reply) => {
    openApi ??= openApiAsset(image.body, deps.services);
    return sendAsset(openApi, request, reply);
  });

  mountReference(app);
}

function openApiAsset(image: Uint8Array, services: readonly DescService[]): Asset {
  const { version } = packageJson;
  const document = createOpenApi({ registry: registryOf(image), services, version });
  return createAsset(Buffer.from(JSON.stringify(document)), "application/json; charset=utf-8");
}
