import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import type { RunningStack } from "../stack.ts";
import { type Api, createApi, ok, type Person, refused, roomOf, timelineOf } from "./api.ts";
import type { CallClient, Method } from "./clients/client.ts";
import { surfaces } from "./clients/surfaces.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

/** What holds from one surface to another, and what only the HTTP protocols of RPC can say. */
describe.each(sharedTopologies)("across surfaces: $name", (topology) => {
  let stack: RunningStack;
  let api: Api;
  let ada: Person;
  let clients: CallClient[];

  beforeAll(async () => {
    stack = await sharedStack(topology);
    api = createApi(stack.url);
    ada = await api.register();
    clients = await Promise.all(surfaces.map((surface) => surface.connect(stack)));
  });
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  const call = async (client: CallClient, method: Method, request: JsonObject) => {
    const answer = await client.call({ method, request, token: ada.accessToken });
    if (answer === undefined) throw new Error("every surface can say this");
    return answer;
  };

  test("a client id posts once, wherever it is sent first and again", async () => {
    const roomId = await roomOf(ada);
    const { sendMessage } = MessageService.method;
    for (const first of clients) {
      const request = { roomId, clientId: randomUUID(), text: "once" };
      const { message, replayed } = await ok(call(first, sendMessage, request));
      expect(replayed).toBe(false);
      for (const client of clients) {
        expect(await ok(call(client, sendMessage, request))).toEqual({ message, replayed: true });
        await refused(call(client, sendMessage, { ...request, text: "twice" }), 409, "CLIENT_ID_REUSED");
      }
    }
    expect(await timelineOf(ada, roomId)).toHaveLength(1 + clients.length);
  });

  test("the same send by all at once posts once", async () => {
    const roomId = await roomOf(ada);
    const request = { roomId, clientId: randomUUID(), text: "once" };
    const answers = await Promise.all(
      clients.map((client) => ok(call(client, MessageService.method.sendMessage, request))),
    );
    expect(new Set(answers.map(({ message }) => message.seq))).toEqual(new Set(["2"]));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  test("a client id makes one room", async () => {
    const request = { name: "Tea", clientId: randomUUID() };
    const rooms = [];
    for (const client of clients) rooms.push(await ok(call(client, RoomService.method.createRoom, request)));
    expect(new Set(rooms.map(({ room }) => room.roomId)).size).toBe(1);
    expect(rooms.map(({ replayed }) => replayed)).toEqual(rooms.map((_, i) => i > 0));
  });

  describe("what only Connect and gRPC-Web can say", () => {
    const getMe = "/parley.user.v1.UserService/GetMe";
    const get = (path: string, query: Record<string, string>, headers: Record<string, string> = {}) =>
      fetch(
        `${stack.url}${path}?${new URLSearchParams({ connect: "v1", encoding: "json", message: "{}", ...query })}`,
        {
          headers: { authorization: `Bearer ${ada.accessToken}`, ...headers },
        },
      );
    const post = (
      headers: Record<string, string>,
      body: string | Uint8Array<ArrayBuffer> = "{}",
      path = getMe,
    ) =>
      fetch(stack.url + path, {
        method: "POST",
        body,
        headers: {
          authorization: `Bearer ${ada.accessToken}`,
          "content-type": "application/json",
          ...headers,
        },
      });

    test("a read by GET needs the token and is kept by nobody; what changes something takes no GET", async () => {
      const answer = await get(getMe, {});
      expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
      expect(answer.headers.get("vary")).toMatch(/authorization/i);
      expect(((await answer.json()) as { user: { userId: string } }).user.userId).toBe(ada.userId);
      expect((await get(getMe, {}, { authorization: "" })).status).toBe(401);
      const write = await get("/parley.auth.v1.AuthService/Logout", {});
      expect([write.status, write.headers.get("allow")]).toEqual([405, "POST"]);
      await ok(ada.get("/v1/users/me"));
    });

    test.each<[string, number, Record<string, string>]>([
      ["a time-out that is none", 400, { "connect-timeout-ms": "soon" }],
      ["one that is too long to be one", 400, { "connect-timeout-ms": "99999999999" }],
      ["one that has passed", 504, { "connect-timeout-ms": "0" }],
      ["a compression", 400, { "content-encoding": "gzip" }],
      ["another content type", 415, { "content-type": "text/plain" }],
    ])("%s is refused with %i", async (_, status, headers) => {
      expect((await post(headers)).status).toBe(status);
    });

    test.each<[string, string, Record<string, string>]>([
      ["a time-out that is none", "3", { "grpc-timeout": "soon" }],
      ["one that has passed", "4", { "grpc-timeout": "0n" }],
      ["a compression", "3", { "grpc-encoding": "br" }],
    ])("%s is refused by gRPC-Web with %s", async (_, code, headers) => {
      const answer = await post(
        { "content-type": "application/grpc-web+proto", ...headers },
        new Uint8Array(5),
      );
      const text = await answer.text();
      expect(answer.headers.get("grpc-status") ?? /grpc-status: ?(\d+)/.exec(text)?.[1]).toBe(code);
    });

    test("other verbs, and RPCs and services that are none", async () => {
      const put = await fetch(stack.url + getMe, { method: "PUT" });
      expect([put.status, put.headers.get("allow")?.split(", ").sort()]).toEqual([405, ["GET", "POST"]]);
      for (const path of ["/parley.user.v1.UserService/Nothing", "/parley.nothing.v1.Nothing/GetMe"])
        expect((await post({}, "{}", path)).status).toBe(404);
    });
  });
});
