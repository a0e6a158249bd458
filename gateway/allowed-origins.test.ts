import { expect, test } from "vitest";
import { readEnvironment } from "../services/common/config.ts";
import { mayConnect, readAllowedOrigins } from "./allowed-origins.ts";
import type { Client } from "./clients.ts";

const client: Client = { address: "192.0.2.7", scheme: "https", host: "Chat.example:8443" };
const may = (origin: string | undefined, more: Partial<Client> = {}, allowed: string[] = []) =>
  mayConnect(origin, { ...client, ...more }, allowed);

test("no origin, the server's own, and the configured ones", () => {
  expect(may(undefined)).toBe(true);
  expect(may("https://chat.example:8443")).toBe(true);
  expect(may("https://chat.example", { host: "chat.example:443" })).toBe(true);
  expect(may("http://[::1]:8080", { scheme: "http", host: "[::1]:8080" })).toBe(true);
  expect(may("https://app.example", {}, ["https://app.example"])).toBe(true);
  expect(may("capacitor://localhost", {}, ["capacitor://localhost"])).toBe(true);
});

test.each([
  "null",
  "",
  "://",
  "https://chat.example",
  "https://chat.example:8444",
  "http://chat.example:8443",
  "wss://chat.example:8443",
  "https://chat.example:8443.evil.example",
  "https://evil-chat.example:8443",
  "https://evil.chat.example:8443",
  "https://chat.example.:8443",
  "https://chat.example:8443/",
  "https://chat.example:8443@evil.example",
  "https://user@chat.example:8443",
  "HTTPS://CHAT.EXAMPLE:8443",
  "https://chat.example:8443, https://evil.example",
  "https://chat.example:8443 ",
  "https://chat.ex\u0430mple:8443",
])("not %j", (origin) => {
  expect(may(origin)).toBe(false);
  expect(may(origin, { host: undefined })).toBe(false);
  expect(may(origin, {}, ["https://app.example"])).toBe(false);
});

test("what is configured must be an origin", () => {
  const wrong = ["*", "chat.example", "https://chat.example/", "https://CHAT.example", "https://a@b", "null"];
  const reader = readEnvironment({ PARLEY_ALLOWED_ORIGINS: [...wrong, "https://a.example:444"].join(",") });
  readAllowedOrigins(reader);
  expect(() => reader.finish()).toThrow();
  try {
    reader.finish();
  } catch (error) {
    expect((error as { problems: string[] }).problems).toHaveLength(wrong.length);
  }
});
