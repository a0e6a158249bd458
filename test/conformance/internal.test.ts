import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { beforeAll, describe, expect, test } from "vitest";
import { file_parley_internal_v1_auth_internal_service as auth } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { file_parley_internal_v1_delivery_service as delivery } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { file_parley_internal_v1_message_internal_service as message } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { file_parley_internal_v1_room_internal_service as room } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import { createGrpcClient } from "../grpc/client.ts";
import type { RunningStack } from "../stack.ts";
import { createApi, type Person } from "./api.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

const services = [auth, delivery, message, room].flatMap((file) => file.services);
const methods = services.flatMap((service) => service.methods as DescMethod[]);
const named = methods.map((method) => ({ method, path: `/${method.parent.typeName}/${method.name}` }));

/** What services say to each other is for nobody else, whoever asks and by whichever door. */
describe.each(sharedTopologies)("internal services: $name", (topology) => {
  let stack: RunningStack;
  let ada: Person;

  beforeAll(async () => {
    stack = await sharedStack(topology);
    ada = await createApi(stack.url).register();
  });

  test("there are some", () => expect(named.length).toBeGreaterThan(8));

  test.each(named)("$path is not to be had by HTTP", async ({ path }) => {
    // A message without fields takes no bytes.
    const framed = Buffer.alloc(5);
    const bodies = {
      "application/json": Buffer.from("{}"),
      "application/proto": Buffer.alloc(0),
      "application/connect+json": Buffer.concat([Buffer.of(0, 0, 0, 0, 2), Buffer.from("{}")]),
      "application/grpc-web+proto": framed,
      "application/grpc+proto": framed,
    };
    const headers = { authorization: `Bearer ${ada.accessToken}` };
    for (const [type, body] of Object.entries(bodies)) {
      const answer = await fetch(stack.url + path, {
        method: "POST",
        headers: { ...headers, "content-type": type, "connect-protocol-version": "1" },
        body: new Uint8Array(body),
      });
      expect(answer.status, type).toBe(404);
    }
    const asked = await fetch(`${stack.url}${path}?connect=v1&encoding=json&message={}`, { headers });
    expect(asked.status).toBe(404);
  });

  test.each(named)("$path is not to be had by gRPC", async ({ method }) => {
    using client = createGrpcClient(stack.grpcUrl);
    const attempts: Record<string, string>[] = [{}, { "parley-mesh-token": "let me in" }];
    for (const headers of attempts) {
      const call = client.unary(method, {}, { token: ada.accessToken, headers });
      await expect(call).rejects.toMatchObject({ code: Code.Unimplemented });
    }
  });
});
