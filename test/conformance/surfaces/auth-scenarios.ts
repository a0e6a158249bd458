import { randomUUID } from "node:crypto";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { password } from "../api.ts";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

const { method } = AuthService;
const tooLong = "x".repeat(101);

export const authScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [
    method.register,
    async ({ ada, ok, refused, bad }) => {
      const username = `${ada.username}-r`;
      await ok("a new person", undefined, { username, password, displayName: "R", deviceName: "d" });
      await refused("a name that is taken", undefined, { username, password }, "USERNAME_TAKEN");
      const request = { username: "a!", password: "short", displayName: "", deviceName: tooLong };
      await bad("every field", undefined, request, ["username", "password", "display_name", "device_name"]);
    },
  ],
  [
    method.login,
    async ({ ada, ok, refused, bad }) => {
      await ok("by password", undefined, { username: ada.username.toUpperCase(), password });
      const wrong = { username: ada.username, password: "not the password" };
      await refused("a wrong password", undefined, wrong, "WRONG_CREDENTIALS");
      await refused("nobody", undefined, { ...wrong, username: "nobody!" }, "WRONG_CREDENTIALS");
      const request = { username: "", password: "", deviceName: tooLong };
      await bad("every field", undefined, request, ["username", "password", "device_name"]);
    },
  ],
  [
    method.refresh,
    async ({ person, api, ok, refused, bad }) => {
      const { refreshToken } = await person("refreshes");
      const { tokens } = await ok("the first time", undefined, { refreshToken });
      await ok("the one before, while its successor is unused", undefined, { refreshToken });
      // A surface that couldn't say the first has no successor either.
      const body = { refreshToken: tokens.refreshToken };
      await api.call("POST", "/v1/auth/refresh", { body });
      await refused("the one before, after that", undefined, { refreshToken }, "REFRESH_TOKEN_REUSED");
      await refused("of an ended session", undefined, body, "SESSION_REVOKED");
      await refused("nothing we know", undefined, { refreshToken: "x" }, "UNAUTHENTICATED");
      await bad("empty", undefined, {}, ["refresh_token"]);
    },
  ],
  [
    method.logout,
    async ({ person, ok }) => {
      await ok("ends the session", await person("leaves"));
    },
  ],
  [
    method.changePassword,
    async ({ person, ok, refused, bad }) => {
      const who = await person("changes");
      const newPassword = "another password";
      const wrong = { currentPassword: "not it", newPassword };
      await refused("a wrong one", who, wrong, "WRONG_CREDENTIALS");
      await bad("both", who, { currentPassword: "", newPassword: "short" }, [
        "current_password",
        "new_password",
      ]);
      await ok("the right one", who, { currentPassword: password, newPassword });
    },
  ],
  [
    method.listSessions,
    async ({ person, api, ok, bad }) => {
      const who = await person("twice");
      await api.login(who);
      await ok("all", who);
      const { nextPageToken = "" } = await ok("the first page", who, { pageSize: 1 });
      await ok("the second", who, { pageSize: 1, pageToken: nextPageToken });
      await bad("no size", who, { pageSize: 0, pageToken: "x".repeat(1001) }, ["page_size", "page_token"]);
      await bad("no token of ours", who, { pageToken: "x" }, ["page_token"]);
    },
  ],
  [
    method.revokeSession,
    async ({ person, api, eve, ok, refused }) => {
      const who = await person("revokes");
      const other = await api.login(who);
      const [, claims = ""] = other.accessToken.split(".");
      const sessionId = JSON.parse(Buffer.from(claims, "base64url").toString()).sid as string;
      await refused("another's", eve, { sessionId }, "SESSION_NOT_FOUND");
      await refused("nobody's", who, { sessionId: randomUUID() }, "SESSION_NOT_FOUND");
      await ok("one's own", who, { sessionId });
      await ok("again", who, { sessionId });
    },
  ],
]);
