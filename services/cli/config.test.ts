import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConfigError, Environment } from "../common/config.ts";
import { createTestCertificate } from "../common/test-certificates.ts";
import { readDataConfig, readParleyConfig } from "./config.ts";
import { type Part, parts } from "./parts.ts";

const secrets = {
  PARLEY_MESH_SECRET: "m".repeat(32),
  PARLEY_KEY_ENCRYPTION_SECRET: "k".repeat(32),
};
const urls = {
  PARLEY_AUTH_URL: "grpc://auth:8082",
  PARLEY_ROOM_URL: "grpc://room:8082",
  PARLEY_MESSAGE_URL: "grpc://message:8082",
  PARLEY_DELIVERY_URL: "grpc://delivery:8082",
};

const read = (env: Environment, ...hosted: Part[]) => readParleyConfig(env, new Set(hosted));

function problems(env: Environment, ...hosted: Part[]): readonly string[] {
  try {
    read(env, ...hosted);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

describe("a process that hosts everything", () => {
  test("takes part in no mesh, unless its port is named", () => {
    expect(readParleyConfig({}).mesh).toBeUndefined();
    const { mesh } = readParleyConfig({ PARLEY_MESH_PORT: "9000", ...secrets });
    expect(mesh).toMatchObject({ listen: { host: "127.0.0.1", port: 9000 }, peers: [] });
  });

  test("is told that addresses of others mean nothing to it", () => {
    expect(problems(urls, ...parts)).toEqual(
      Object.keys(urls).map((name) => expect.stringMatching(`^${name} is set: .* leave it out`)),
    );
  });
});

describe("a process of a mesh", () => {
  test("has what it hosts, and the way to what that calls", () => {
    const config = read({ ...secrets, ...urls }, "room");
    expect(config).toMatchObject({ auth: undefined, message: undefined, gateway: undefined });
    expect(config.room).toBeDefined();
    expect(config.mesh?.listen).toEqual({ host: "127.0.0.1", port: 8082 });
    expect(config.mesh?.peers.map(({ name, url }) => [name, url.hosts[0]])).toEqual([
      ["auth", { host: "auth", port: 8082 }],
      ["message", { host: "message", port: 8082 }],
    ]);
  });

  test.each<[Part[], string[]]>([
    [["auth"], []],
    [
      ["message", "delivery"],
      ["auth", "room"],
    ],
    [["room", "message", "delivery"], ["auth"]],
    [["auth", "room", "message", "delivery"], []],
    [["gateway"], ["auth", "room", "message", "delivery"]],
  ])("%j calls %j", (hosted, called) => {
    expect(read({ ...secrets, ...urls }, ...hosted).mesh?.peers.map(({ name }) => name)).toEqual(called);
  });

  test("a gateway is called by nobody of the mesh", () => {
    expect(read({ ...secrets, ...urls }, "gateway").mesh?.listen).toBeUndefined();
  });

  test("all that is missing is told at once", () => {
    expect(problems({}, "auth", "room")).toEqual([
      expect.stringMatching(/^PARLEY_MESSAGE_URL is missing: room calls message, .* grpc:\/\/message:8082$/),
      expect.stringMatching(/^PARLEY_MESH_SECRET is missing: .* PARLEY_MESH_SECRET_FILE .*openssl rand/),
      expect.stringMatching(/^PARLEY_KEY_ENCRYPTION_SECRET is missing: /),
    ]);
    expect(problems({ PARLEY_ROOM_URL: "http://room" }, "gateway")).toEqual([
      expect.stringMatching(/^PARLEY_AUTH_URL is missing: gateway calls auth/),
      expect.stringMatching(/^PARLEY_ROOM_URL is "http:\/\/room": .* write grpc:\/\/host:port/),
      expect.stringMatching(/^PARLEY_MESSAGE_URL is missing/),
      expect.stringMatching(/^PARLEY_DELIVERY_URL is missing/),
      expect.stringMatching(/^PARLEY_MESH_SECRET is missing/),
    ]);
  });

  test("what concerns other processes only is theirs to judge", () => {
    const env = { ...secrets, ...urls, PARLEY_HTTP_PORT: "web", PARLEY_LIMIT_SENDS_PER_USER: "many" };
    expect(problems(env, "auth")).toEqual([]);
    expect(problems(env, "gateway")).toEqual([expect.stringContaining("PARLEY_HTTP_PORT")]);
    expect(problems({ ...env, PARLEY_HTP_PORT: "1" }, "auth")).toEqual([
      expect.stringContaining("did you mean PARLEY_HTTP_PORT?"),
    ]);
  });

  test("message and delivery aren't parted without a broker between them", () => {
    const together = [expect.stringMatching(/^PARLEY_EVENTS_URL is embedded: .* use Kafka/)];
    expect(problems({ ...secrets, ...urls }, "message")).toEqual(together);
    expect(problems({ ...secrets, ...urls }, "delivery")).toEqual(together);
    expect(problems({ ...secrets, ...urls }, "message", "delivery")).toEqual([]);
  });

  test("a short secret is none", () => {
    expect(problems({ ...secrets, ...urls, PARLEY_MESH_SECRET: "short" }, "gateway")).toEqual([
      "PARLEY_MESH_SECRET has 5 characters: it should have 32 or more",
    ]);
  });

  test("the mesh's port is no public one", () => {
    const env = { ...secrets, ...urls, PARLEY_HTTP_PORT: "8082" };
    expect(problems(env, "room", "gateway")).toEqual([expect.stringContaining("each needs its own")]);
    expect(problems(env, "room")).toEqual([]);
  });
});

describe("certificates of the mesh", () => {
  function certificates(): Environment {
    const folder = mkdtempSync(join(tmpdir(), "parley-mesh-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { cert, key } = createTestCertificate();
    const file = (name: string, content: string) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    return {
      PARLEY_MESH_TLS_CERT_FILE: file("cert.pem", cert),
      PARLEY_MESH_TLS_KEY_FILE: file("key.pem", key),
      PARLEY_MESH_TLS_CA_FILE: file("ca.pem", cert),
    };
  }

  test("stand in for a secret, and demand TLS", () => {
    const env = { ...certificates(), PARLEY_AUTH_URL: "grpcs://auth:8082" };
    const rest = { PARLEY_ROOM_URL: "grpcs://room:8082" };
    expect(read({ ...env, ...rest }, "message", "delivery").mesh?.secret).toBeUndefined();
    expect(problems({ ...env, PARLEY_ROOM_URL: "grpc://room:8082" }, "message", "delivery")).toEqual([
      expect.stringMatching(/^PARLEY_ROOM_URL starts with grpc:\/\/: .* grpcs:\/\/$/),
    ]);
  });

  test("come with their authority", () => {
    const { PARLEY_MESH_TLS_CA_FILE: _, ...env } = certificates();
    expect(problems({ ...env, ...secrets }, "auth")).toEqual([
      expect.stringMatching(/^PARLEY_MESH_TLS_CA_FILE is missing/),
    ]);
  });
});

test("commands that work on data leave the mesh to its processes", () => {
  expect(readDataConfig(urls).databaseUrl).toBe("sqlite:data");
  expect(readDataConfig({ PARLEY_MESH_PORT: "x", PARLEY_MESH_SECRET: "short" }).databaseUrl).toBe(
    "sqlite:data",
  );
});
