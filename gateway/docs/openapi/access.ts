import { type DescMethod, getOption, type JsonObject } from "@bufbuild/protobuf";
import { Access, access } from "#gen/parley/options/v1/options_pb.js";

export function accessOf(method: DescMethod): Access {
  return getOption(method, access);
}

/** What a call has to carry, as OpenAPI says it. */
export function securityOf(method: DescMethod): JsonObject[] {
  return schemeOf(method).map((name) => ({ [name]: [] }));
}

/** The schemes that these methods refer to. */
export function securitySchemesOf(methods: readonly DescMethod[]): JsonObject {
  const used = methods.flatMap(schemeOf);
  return Object.fromEntries(Object.entries(schemes).filter(([name]) => used.includes(name)));
}

function schemeOf(method: DescMethod): string[] {
  switch (accessOf(method)) {
    case Access.PUBLIC:
      return [];
    case Access.SERVER_KEY:
      return ["serverKey"];
    default:
      return ["accessToken"];
  }
}

const schemes: JsonObject = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The `accessToken` that `register`, `login` and `refresh` answer. It holds for 10 minutes.",
  },
  serverKey: {
    type: "http",
    scheme: "bearer",
    description:
      "A key of the application that embeds Parley, made by `parley keys create`. Not for browsers.",
  },
};
