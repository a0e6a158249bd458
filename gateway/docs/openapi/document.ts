import type { DescService, FileRegistry, JsonObject } from "@bufbuild/protobuf";
import { bindingsOf } from "../../rest/bindings.ts";
import { securitySchemesOf } from "./access.ts";
import { createComments } from "./comments.ts";
import { createErrors } from "./errors.ts";
import { introduction } from "./introduction.ts";
import { markdownOf } from "./markdown.ts";
import { operationOf, pathOf } from "./operations.ts";
import { createSchemas } from "./schemas.ts";
import { serverPaths, serverTag } from "./server-paths.ts";

export interface OpenApiDeps {
  /** Of an image with source info, for the comments. */
  registry: FileRegistry;
  /** Those that are mounted. */
  services: readonly DescService[];
  version: string;
}

/** The REST surface as OpenAPI 3.1, from the descriptors from which it is mounted. */
export function createOpenApi({ registry, services, version }: OpenApiDeps): JsonObject {
  const comments = createComments();
  const schemas = createSchemas(comments);
  const errors = createErrors({ registry, comments, schemas });
  const commented = services
    .map(({ typeName }) => registry.getService(typeName))
    .filter((service) => service !== undefined)
    .filter((service) => bindingsOf(service).length > 0);
  const bindings = commented.flatMap(bindingsOf);

  const paths: Record<string, JsonObject> = {};
  for (const binding of bindings) {
    const path = pathOf(binding);
    const operation = operationOf(binding, { comments, schemas, errors });
    paths[path] = { ...paths[path], [binding.verb.toLowerCase()]: operation };
  }
  const tags = commented.map((each) => ({ name: each.name, description: markdownOf(comments(each)) }));

  return {
    openapi: "3.1.1",
    info: {
      title: "Parley",
      version,
      description: introduction,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The server that this comes from." }],
    tags: [...tags, serverTag],
    paths: { ...paths, ...serverPaths(errors) },
    components: {
      schemas: schemas.components,
      ...errors.components,
      securitySchemes: securitySchemesOf(bindings.map(({ method }) => method)),
    },
  };
}
