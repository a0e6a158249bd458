import { expect, test } from "vitest";
import { createLogger, type LoggerOptions } from "./logger.ts";

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, logger: createLogger({ level: "info", pretty: false, destination, ...options }) };
}

test("writes one JSON object a line, with the level's name and the time", () => {
  const { lines, logger } = capture();
  logger.child({ service: "room" }).info({ roomId: "r" }, "room made");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: "info",
    service: "room",
    roomId: "r",
    msg: "room made",
  });
  expect(JSON.parse(lines[0]!).time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test("writes nothing below its level", () => {
  const { lines, logger } = capture({ level: "warn" });
  logger.info("ready");
  expect(lines).toEqual([]);
});

test("writes neither secrets nor what people wrote", () => {
  const { lines, logger } = capture();
  const secrets = {
    accessToken: "hunter2",
    password: "hunter2",
    authorization: "Bearer hunter2",
    text: "hunter2",
  };
  logger.info({ ...secrets, request: { ...secrets, headers: secrets }, code: 5 }, "refused");
  expect(lines.join("")).not.toContain("hunter2");
  expect(JSON.parse(lines[0]!)).toMatchObject({
    text: "[redacted]",
    request: { headers: { text: "[redacted]" } },
  });
});

test("keeps an error's message, code, stack and cause, and not what else hangs on it", () => {
  const { lines, logger } = capture();
  const error = Object.assign(new Error("disk is full", { cause: new Error("ENOSPC") }), {
    code: 13,
    row: { text: "hunter2" },
  });
  logger.error({ err: error }, "commit failed");
  const { err } = JSON.parse(lines[0]!);
  expect(err.message).toBe("disk is full: ENOSPC");
  expect(err.stack).toContain("logger.test.ts");
  expect(err.code).toBe(13);
  expect(lines[0]).not.toContain("hunter2");
});

test("is readable on a terminal", () => {
  const { lines, logger } = capture({ pretty: true });
  logger.warn({ roomId: "r" }, "slow");
  expect(lines.join("")).toMatch(/WARN.*slow/);
  expect(lines.join("")).not.toContain("hostname");
});
