import { randomUUID } from "node:crypto";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

const { method } = AdminService;

export const adminScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [
    method.ensureUser,
    async ({ ada, application, ok, refused, bad }) => {
      const externalId = `${ada.username}, of the shop`;
      const username = `${ada.username}-e`;
      await ok("a new user", application, { externalId, username: username.toUpperCase(), displayName: "E" });
      await ok("the same", application, { externalId });
      await ok("by another name", application, { externalId, displayName: " Countess\u{1f451} " });
      await ok("whose username stays", application, { externalId, username: `${username}2` });
      await ok("an id alone", application, { externalId: `${externalId}, again` });
      const taken = { externalId: `${externalId}, too`, username: ada.username };
      await refused("a name that is taken", application, taken, "USERNAME_TAKEN");
      const wrong = { externalId: "", username: "a!", displayName: "" };
      await bad("every field", application, wrong, ["external_id", "username", "display_name"]);
      const long = { externalId: "x".repeat(201), username: "x".repeat(33), displayName: "x".repeat(101) };
      await bad("too long", application, long, ["external_id", "username", "display_name"]);
    },
  ],
  [
    method.issueTokens,
    async ({ person, ada, application, ok, refused, bad }) => {
      const { userId } = await person("known");
      await ok("of a person", application, { userId, deviceName: "shop" });
      await ok("of a device without a name", application, { userId });
      await refused("of nobody", application, { userId: randomUUID() }, "USER_NOT_FOUND");
      await refused("of no id", application, { userId: "a:b" }, "USER_NOT_FOUND");
      await bad("every field", application, { userId: ada.userId, deviceName: "" }, ["device_name"]);
    },
  ],
]);
