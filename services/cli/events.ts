import type { Environment } from "../common/config.ts";
import type { KafkaConfig } from "../common/events/kafka-config.ts";
import type { DeadLetter, ReplayStart } from "../common/events/kafka-replay.ts";
import { findTopic, type Topic } from "../common/events/topics.ts";
import { createLogger } from "../common/logger.ts";
import { readDataConfig } from "./config.ts";
import { parseWords, refuseWords } from "./parse-words.ts";
import { UsageError } from "./usage-error.ts";

const usage = `The event log on Kafka: what is on it, who reads it, and what could not be processed.

Usage:
  parley events list [--json]
  parley events show <topic> [--group <group>] [--all] [--payload] [--json]
  parley events replay <topic> --group <group>
  parley events replay <topic> --group <group> --from <start>

list    The topics, their groups and how far those are behind, and how many
        dead letters there are
show    A topic's dead letters: those that wait, or all of them
replay  Publishes the dead letters of a group that wait to their topic again,
        for that group alone. With --from it sets where a group goes on with
        a topic, in place of that; the group must have no members then

Options:
  --group    Of dead letters: the group as show has it, such as delivery.
             With --from: its name in Kafka, as list has it, or a new one
  --from     beginning, end, a time such as 2030-01-31T12:00:00Z, or an
             offset such as 1200, the same in each partition
  --all      Those that were replayed too
  --payload  What they tell, which may be people's messages
  --json     JSON for scripts

<topic> is a name as in the documentation, such as parley.timeline.v1.
`;

const flags = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  all: { type: "boolean" },
  payload: { type: "boolean" },
  group: { type: "string" },
  from: { type: "string" },
} as const;

type Options = ReturnType<typeof parseWords<typeof flags>>["values"];

/** `parley events`: answers the exit code. */
export async function runEvents(words: string[], env: Environment): Promise<number> {
  const { values, positionals } = parseWords(words, flags);
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  switch (command) {
    case "list":
      refuseWords(rest);
      return list(kafkaOf(env), values);
    case "show": {
      const topic = topicOf(rest);
      return show(kafkaOf(env), topic, values);
    }
    case "replay": {
      const topic = topicOf(rest);
      if (values.group === undefined) throw new UsageError("--group is needed: whose records these are");
      const start = values.from === undefined ? undefined : startOf(values.from);
      return replay(kafkaOf(env), topic, values.group, start);
    }
    default:
      throw new UsageError("parley events is followed by list, show or replay");
  }
}

function topicOf([name, ...more]: string[]): Topic {
  const topic = findTopic(name ?? "");
  if (topic !== undefined && more.length === 0) return topic;
  throw new UsageError("one topic is needed: parley.timeline.v1, parley.feed.v1 or parley.room.v1");
}

function startOf(text: string): ReplayStart {
  if (text === "beginning") return { offset: "0" };
  if (text === "end") return { offset: String(Number.MAX_SAFE_INTEGER) };
  if (/^\d+$/.test(text)) return { offset: text };
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return { time };
  throw new UsageError(`--from is "${text}": it should be beginning, end, a time or an offset`);
}

function kafkaOf(env: Environment): KafkaConfig {
  const { events } = readDataConfig(env);
  if (events.kind === "kafka") return events;
  throw new UsageError("the event log is in the process: PARLEY_EVENTS_URL names no Kafka cluster");
}

function logger() {
  return createLogger({ level: "warn", pretty: process.stdout.isTTY });
}

async function list(config: KafkaConfig, { json }: Options): Promise<number> {
  const { inspectTopics } = await import("../common/events/kafka-inspection.ts");
  const reports = await inspectTopics(config, logger());
  if (json) {
    console.log(JSON.stringify(reports, undefined, 2));
    return 0;
  }
  for (const { topic, partitions, records, deadLetters, groups } of reports) {
    console.log(`${topic}: ${records} records in ${partitions} partitions, ${deadLetters} dead letters`);
    for (const { group, state, members, lag } of groups)
      console.log(`  ${group}: ${lag} behind, ${members} members, ${state}`);
  }
  return 0;
}

async function show(config: KafkaConfig, topic: Topic, options: Options): Promise<number> {
  const { readDeadLetters } = await import("../common/events/kafka-replay.ts");
  const letters = (await readDeadLetters({ config, logger: logger() }, topic)).filter(
    ({ group, replayed }) =>
      (options.all || !replayed) && (options.group === undefined || group === options.group),
  );
  const rows = letters.map((letter) => describe(letter, options.payload === true));
  if (options.json) console.log(JSON.stringify(rows, undefined, 2));
  else for (const row of rows) console.log(lineOf(row));
  if (!options.json && rows.length === 0) console.log("No dead letters wait.");
  return 0;
}

function describe(letter: DeadLetter, payload: boolean) {
  const { at, group, key, number, size, reason, replayed } = letter;
  const row = { at, group, key, number, size, reason, replayed };
  return payload ? { ...row, payload: letter.payload() ?? null } : row;
}

function lineOf(row: ReturnType<typeof describe>): string {
  const { at, group, key, number, size, reason, replayed } = row;
  const line = `${at}  ${group}  ${key} #${number}  ${size} bytes  ${reason}${replayed ? "  (replayed)" : ""}`;
  return "payload" in row ? `${line}\n  ${JSON.stringify(row.payload)}` : line;
}

async function replay(
  config: KafkaConfig,
  topic: Topic,
  group: string,
  start: ReplayStart | undefined,
): Promise<number> {
  const { replayDeadLetters, rewindGroup } = await import("../common/events/kafka-replay.ts");
  const deps = { config, logger: logger() };
  if (start === undefined) {
    const count = await replayDeadLetters(deps, topic, group);
    console.log(`${count} dead letters went back to ${config.prefix}${topic.name} for ${group}.`);
    return 0;
  }
  for (const { partition, offset } of await rewindGroup(deps, topic, group, start))
    console.log(`${group} goes on with partition ${partition} at ${offset}.`);
  return 0;
}
