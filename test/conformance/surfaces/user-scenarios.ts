import { randomUUID } from "node:crypto";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

const { method } = UserService;

export const userScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [method.getMe, async ({ ada, ok }) => void (await ok("oneself", ada))],
  [
    method.updateMe,
    async ({ person, ok, bad }) => {
      const who = await person("renames");
      await ok("another name", who, { displayName: " Countess\u{1f451} " });
      await ok("nothing", who);
      await bad("no name", who, { displayName: "" }, ["display_name"]);
    },
  ],
  [
    method.getUser,
    async ({ ada, bob, ok, refused }) => {
      await ok("another", ada, { userId: bob.userId });
      await refused("nobody", ada, { userId: randomUUID() }, "USER_NOT_FOUND");
      await refused("no id", ada, { userId: "a:b" }, "USER_NOT_FOUND");
    },
  ],
  [
    method.batchGetUsers,
    async ({ ada, bob, ok, bad }) => {
      await ok("some and others", ada, { userIds: [bob.userId, randomUUID(), ada.userId, "x"] });
      await bad("none", ada, { userIds: [] }, ["user_ids"]);
      await bad("too many", ada, { userIds: Array(201).fill("x") }, ["user_ids"]);
    },
  ],
  [
    method.searchUsers,
    async ({ ada, ok, bad }) => {
      await ok("by name", ada, { query: ada.username.toUpperCase() });
      await ok("none", ada, { query: `${ada.username}-nobody` });
      const request = { query: "a", pageSize: 201, pageToken: "x".repeat(1001) };
      await bad("every field", ada, request, ["query", "page_size", "page_token"]);
    },
  ],
]);
