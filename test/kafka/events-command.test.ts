import { beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../../services/cli/commands.ts";
import { createTestCommandLine } from "../../services/cli/test-command-line.ts";
import { UnprocessableRecordError } from "../../services/common/events/event-log.ts";
import { timelineRecords } from "../../services/common/events/test-event-log.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { newId } from "../../services/common/ids.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { kafkaConfig, kafkaEnvironment } from "./environment.ts";
import { startTestLog } from "./test-log.ts";

const patience = { timeout: 40_000, interval: 20 };
const topic = timelineTopic.name;

describe.skipIf(noKafka)("parley events", { timeout: 240_000 }, () => {
  const cli = createTestCommandLine();
  beforeAll(sharedKafka);

  test("shows groups and dead letters, replays those, and sends a group back that nobody is in", async () => {
    const { url } = await sharedKafka();
    const config = kafkaConfig(url);
    const env = { ...cli.env, ...kafkaEnvironment(url, config.prefix) };
    const groupId = `${config.prefix}parley.group`;
    const run = async (words: string[], code = 0) => {
      cli.printed = "";
      expect(await runCommand(words, env), cli.printed).toBe(code);
      return cli.printed;
    };
    const events = (...words: string[]) => run(["events", ...words]);
    const lag = async () => {
      const reports = JSON.parse(await events("list", "--json"));
      return reports.find((report: { topic: string }) => report.topic === config.prefix + topic).groups;
    };

    expect(await run(["migrate"])).toContain(`${config.prefix}${topic}: made now`);
    expect(await run(["migrate"])).toContain(`${config.prefix}${topic}: as configured`);
    const { log, start } = startTestLog(config);
    let broken = true;
    const handled: number[] = [];
    log.subscribe(timelineTopic, "group", (batch) => {
      const refused = batch.filter(({ number }) => number === 2);
      if (broken && refused.length > 0) throw new UnprocessableRecordError(refused, "not this one");
      handled.push(...batch.map(({ number }) => Number(number)));
    });
    await start();
    const before = new Date().toISOString();
    const key = newId();
    await log.publish(timelineTopic, timelineRecords(key, 1, 3));
    await vi.waitFor(() => expect(handled).toEqual([1, 3]), patience);

    expect(await events("show", topic)).toMatch(
      new RegExp(`group {2}${key} #2 {2}\\d+ bytes {2}UnprocessableRecordError: not this one\n$`),
    );
    expect(await events("show", topic, "--group", "other")).toBe("No dead letters wait.\n");
    expect(JSON.parse(await events("show", topic, "--json", "--payload"))).toMatchObject([
      { group: "group", key, number: 2, replayed: false, payload: { roomId: key, seq: "2" } },
    ]);
    await run(["events", "replay", topic, "--group", groupId, "--from", "beginning"], 1);

    broken = false;
    expect(await events("replay", topic, "--group", "group")).toContain("1 dead letters went back");
    await vi.waitFor(() => expect(handled).toEqual([1, 3, 2]), patience);
    expect(await events("show", topic)).toBe("No dead letters wait.\n");
    expect(await events("show", topic, "--all")).toContain("(replayed)");

    await log.close();
    expect(await lag()).toEqual([{ group: groupId, state: "Empty", members: 0, lag: 0 }]);
    const listed = await events("list");
    expect(listed).toContain(`${config.prefix}${topic}: 4 records in 3 partitions, 1 dead letters\n`);
    expect(listed).toContain(`  ${groupId}: 0 behind, 0 members, Empty\n`);
    for (const [from, behind] of [
      ["beginning", 4],
      ["end", 0],
      [before, 4],
      ["1000", 0],
    ] as const) {
      expect(await events("replay", topic, "--group", groupId, "--from", from)).toContain("goes on with");
      expect(await lag()).toMatchObject([{ lag: behind }]);
    }
  });
});
