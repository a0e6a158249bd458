import { pino } from "pino";
import { expect, test } from "vitest";
import { DeadlineExceededError, UnavailableError } from "../services/common/errors.ts";
import { createTestApp } from "./test-http-app.ts";

test("an error is logged where it is a fault of the server's, not where its caller was in a hurry", async () => {
  const lines: string[] = [];
  const app = createTestApp({ logger: pino({ level: "info" }, { write: (line) => void lines.push(line) }) });
  const errors = { late: new DeadlineExceededError(), away: new UnavailableError(), fault: new Error("why") };
  for (const [name, error] of Object.entries(errors))
    app.get(`/${name}`, () => {
      throw error;
    });
  const statusOf = async (url: string) => (await app.inject({ url, headers: { host: "h" } })).statusCode;
  expect([await statusOf("/late"), await statusOf("/away")]).toEqual([504, 503]);
  expect(lines).toEqual([]);
  expect(await statusOf("/fault")).toBe(500);
  expect(lines.map((line) => JSON.parse(line).err.message)).toEqual(["why"]);
});
