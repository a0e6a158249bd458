import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, type Environment, type EnvReader, readEnvironment } from "./config.ts";

/** What `finish` complains about. */
function problems(env: Environment, read: (reader: EnvReader) => void = () => {}): readonly string[] {
  const reader = readEnvironment(env);
  read(reader);
  try {
    reader.finish();
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
}

test("absent and empty variables have their defaults", () => {
  const reader = readEnvironment({ PARLEY_HOST: "" });
  expect(reader.string("PARLEY_HOST", { default: "127.0.0.1" })).toBe("127.0.0.1");
  expect(reader.string("PARLEY_NAME", { optional: true })).toBeUndefined();
  expect(reader.port("PARLEY_HTTP_PORT", { default: 8080 })).toBe(8080);
  expect(reader.port("PARLEY_OPERATOR_PORT", { optional: true })).toBeUndefined();
  expect(reader.integer("PARLEY_SIZE", { default: 3 })).toBe(3);
  expect(reader.boolean("PARLEY_FLAG", { default: true })).toBe(true);
  expect(reader.duration("PARLEY_INTERVAL", { default: "30s" })).toBe(30_000);
  expect(reader.rate("PARLEY_LIMIT_SENDS_PER_USER", { default: "20/s" })).toEqual({ count: 20, perMs: 1000 });
  expect(reader.rate("PARLEY_LIMIT_LOGINS", { default: "off" })).toBeUndefined();
  expect(reader.oneOf("PARLEY_LOG_LEVEL", ["info", "warn"], { default: "info" })).toBe("info");
  expect(reader.list("PARLEY_ORIGINS", { default: [] })).toEqual([]);
  expect(reader.url("PARLEY_DATABASE_URL", ["sqlite"], { default: "sqlite:data" })).toBe("sqlite:data");
  expect(reader.secret("PARLEY_SECRET", { minLength: 8 })).toBeUndefined();
  expect(() => reader.finish()).not.toThrow();
});

test("what is set is read", () => {
  const reader = readEnvironment({
    HOME: "/home/ada",
    PARLEY_HOST: "::",
    PARLEY_HTTP_PORT: "0",
    PARLEY_SIZE: "12",
    PARLEY_FLAG: "off",
    PARLEY_INTERVAL: "500ms",
    PARLEY_LIMIT_SENDS_PER_USER: "100/m",
    PARLEY_LIMIT_LOGINS: "off",
    PARLEY_LOG_LEVEL: "warn",
    PARLEY_ORIGINS: "https://a.example, https://b.example",
    PARLEY_DATABASE_URL: "mssql://user:pass@host/db",
    PARLEY_SECRET: "12345678",
  });
  expect(reader.string("PARLEY_HOST", { default: "127.0.0.1" })).toBe("::");
  expect(reader.port("PARLEY_HTTP_PORT", { default: 8080 })).toBe(0);
  expect(reader.integer("PARLEY_SIZE", { default: 3, max: 12 })).toBe(12);
  expect(reader.boolean("PARLEY_FLAG", { default: true })).toBe(false);
  expect(reader.duration("PARLEY_INTERVAL", { default: "30s" })).toBe(500);
  expect(reader.rate("PARLEY_LIMIT_SENDS_PER_USER", { default: "20/s" })).toEqual({
    count: 100,
    perMs: 60_000,
  });
  expect(reader.rate("PARLEY_LIMIT_LOGINS", { default: "1/h" })).toBeUndefined();
  expect(reader.oneOf("PARLEY_LOG_LEVEL", ["info", "warn"], { default: "info" })).toBe("warn");
  expect(reader.list("PARLEY_ORIGINS", { default: [] })).toEqual(["https://a.example", "https://b.example"]);
  expect(reader.url("PARLEY_DATABASE_URL", ["sqlite", "mssql"], { default: "sqlite:data" })).toMatch(
    /^mssql:/,
  );
  expect(reader.secret("PARLEY_SECRET", { minLength: 8 })).toBe("12345678");
  expect(() => reader.finish()).not.toThrow();
});

test("PARLEY_LIMITS=off turns all rates off, but a wrong rate stays wrong", () => {
  const reader = readEnvironment({ PARLEY_LIMITS: "off", PARLEY_LIMIT_B: "fast" });
  expect(reader.rate("PARLEY_LIMIT_A", { default: "20/s" })).toBeUndefined();
  expect(reader.rate("PARLEY_LIMIT_B", { default: "20/s" })).toBeUndefined();
  expect(() => reader.finish()).toThrow("PARLEY_LIMIT_B");
});

test("one error names everything that is wrong, what it is and what it should be", () => {
  const env = {
    PARLEY_HTTP_PORT: "80800",
    PARLEY_SIZE: "1e3",
    PARLEY_FLAG: "constructor",
    PARLEY_INTERVAL: "30 seconds",
    PARLEY_SHORT: "1s",
    PARLEY_LIMITS: "none",
    PARLEY_LIMIT_SENDS_PER_USER: "0/s",
    PARLEY_LOG_LEVEL: "loud",
    PARLEY_ORIGINS: "a,,b",
    PARLEY_DATABASE_URL: "postgres://ada:secret@db/parley",
    PARLEY_MESH_PORT: "8082",
  };
  const found = problems(env, (reader) => {
    reader.string("PARLEY_NAME");
    reader.port("PARLEY_HTTP_PORT", { default: 8080 });
    reader.integer("PARLEY_SIZE", { default: 3, min: 1, max: 9 });
    reader.boolean("PARLEY_FLAG", { default: true });
    reader.duration("PARLEY_INTERVAL", { default: "30s" });
    reader.duration("PARLEY_SHORT", { default: "30s", min: "5s" });
    reader.rate("PARLEY_LIMIT_SENDS_PER_USER", { default: "20/s" });
    reader.oneOf("PARLEY_LOG_LEVEL", ["info", "warn"], { default: "info" });
    reader.list("PARLEY_ORIGINS", { default: [] });
    reader.url("PARLEY_DATABASE_URL", ["sqlite", "mssql"], { default: "sqlite:data" });
    reader.refuse("PARLEY_MESH_PORT", "there is no mesh");
    reader.url("PARLEY_DATABASE_URL", ["sqlite", "mssql"], { default: "sqlite:data" });
    reader.problem("two things don't fit");
  });
  expect(found).toEqual([
    'PARLEY_LIMITS is "none": it should be on or off',
    "PARLEY_NAME is missing: it should be some text",
    'PARLEY_HTTP_PORT is "80800": it should be an integer from 0 to 65535',
    'PARLEY_SIZE is "1e3": it should be an integer from 1 to 9',
    'PARLEY_FLAG is "constructor": it should be on or off',
    'PARLEY_INTERVAL is "30 seconds": it should be a duration such as 500ms, 30s, 10m, 2h or 7d',
    'PARLEY_SHORT is "1s": it should be a duration such as 500ms, 30s, 10m, 2h or 7d, 5s or more',
    'PARLEY_LIMIT_SENDS_PER_USER is "0/s": it should be a rate such as 20/s, 100/m or 1000/h, or off',
    'PARLEY_LOG_LEVEL is "loud": it should be one of info, warn',
    'PARLEY_ORIGINS is "a,,b": it should be values separated by commas',
    'PARLEY_DATABASE_URL is "postgres://***@db/parley": it should be a URL that starts with sqlite: or mssql:',
    'PARLEY_MESH_PORT is "8082": there is no mesh',
    "two things don't fit",
  ]);
});

test("a variable that nobody knows is taken for a mistyped one", () => {
  const env = { PARLEY_HTP_PORT: "8080", PARLEY_COLOUR: "red", OTHER: "x" };
  expect(problems(env, (reader) => reader.port("PARLEY_HTTP_PORT", { default: 8080 }))).toEqual([
    "PARLEY_HTP_PORT is no variable of Parley: did you mean PARLEY_HTTP_PORT?",
    "PARLEY_COLOUR is no variable of Parley",
  ]);
});

describe("a secret", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "parley-config-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test("may be in a file", () => {
    writeFileSync(join(folder, "secret"), "correct horse\n");
    const reader = readEnvironment({ PARLEY_SECRET_FILE: join(folder, "secret") });
    expect(reader.secret("PARLEY_SECRET", { minLength: 8 })).toBe("correct horse");
    expect(() => reader.finish()).not.toThrow();
  });

  test("is never shown", () => {
    writeFileSync(join(folder, "secret"), "hunter2");
    const read = (reader: EnvReader) => reader.secret("PARLEY_SECRET", { minLength: 8 });
    expect(problems({ PARLEY_SECRET: "hunter2" }, read)).toEqual([
      "PARLEY_SECRET has 7 characters: it should have 8 or more",
    ]);
    expect(problems({ PARLEY_SECRET_FILE: join(folder, "secret") }, read)).toEqual([
      "The content of PARLEY_SECRET_FILE has 7 characters: it should have 8 or more",
    ]);
    expect(problems({ PARLEY_SECRET_FILE: join(folder, "none") }, read)).toEqual([
      expect.stringMatching(/^PARLEY_SECRET_FILE is ".*": it should be a file that can be read \(ENOENT\)$/),
    ]);
    expect(problems({ PARLEY_SECRET: "12345678", PARLEY_SECRET_FILE: join(folder, "secret") }, read)).toEqual(
      ["PARLEY_SECRET and PARLEY_SECRET_FILE are both set: leave one out"],
    );
  });
});
