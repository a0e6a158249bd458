import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCommand } from "./commands.ts";
import { createTestCommandLine } from "./test-command-line.ts";

const cli = createTestCommandLine();

describe("events", () => {
  test.each([
    [["--help"], 0, "Usage:\n  parley events list"],
    [[], 2, "followed by list, show or replay"],
    [["list", "all"], 2, '"all"'],
    [["list"], 2, "PARLEY_EVENTS_URL names no Kafka cluster"],
    [["show", "parley.timelines"], 2, "one topic is needed"],
    [["replay", "parley.feed.v1"], 2, "--group is needed"],
    [["replay", "parley.feed.v1", "--group", "x", "--from", "today"], 2, "a time or an offset"],
  ])("%j is answered with exit code %i", async (words, code, message) => {
    expect(await runCommand(["events", ...words], cli.env)).toBe(code);
    expect(cli.printed).toContain(message);
  });

  test("where they go is checked before anything is done", async () => {
    const wrong = {
      PARLEY_EVENTS_URL: "kafka://user:secret@kafka",
      PARLEY_KAFKA_SASL: "plain",
      PARLEY_KAFKA_USERNAME: "parley",
      PARLEY_KAFKA_PASSWORD: "secret",
      PARLEY_KAFKA_CA_FILE: join(cli.folder, "none.pem"),
      PARLEY_KAFKA_REPLICATION: "1",
      PARLEY_KAFKA_MIN_ISR: "2",
    };
    expect(await runCommand(["serve"], { ...cli.env, ...wrong })).toBe(78);
    expect(cli.printed).not.toContain("secret@");
    for (const told of [
      "without user and password",
      "sends the password",
      "none.pem",
      "PARLEY_KAFKA_MIN_ISR",
    ])
      expect(cli.printed).toContain(told);
  });
});
