import { closestName } from "../common/closest-name.ts";
import { ConfigError, type Environment } from "../common/config.ts";
import { DatabaseOpenError } from "../common/database/errors.ts";
import { TopicsMissingError } from "../common/events/open-event-log.ts";
import { BackupError } from "./backup-folder.ts";
import { listenAdvice } from "./check-ports.ts";
import { HistoriesError } from "./histories.ts";
import { parseWords } from "./parse-words.ts";
import { isPart, type Part, parts } from "./parts.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

const usage = `Parley, a messaging backend.

Usage: parley <command>

Commands:
  serve     Run Parley: all services in one process; or only those named, of
            auth, room, message, delivery and gateway, in a mesh of processes
  migrate   Bring the databases up to date, and make missing topics
  keys      Make, list and revoke the server keys of applications
            (parley keys --help)
  events    Show the event log on Kafka, and replay it (parley events --help)
  backup <folder>
            Copy all data, while Parley runs or not, into a new folder
  restore <folder>
            Put a backup into the data folder; --replace moves what is there
            aside, --in-place takes data that was put there by other means
  doctor    Check what Parley needs and say what to do; with names of
            services, for a process that hosts these

Options:
  -h, --help      Show this
  -v, --version   Show the version

Configured by environment variables, such as PARLEY_HTTP_PORT=8080,
PARLEY_HOST=127.0.0.1 and PARLEY_DATABASE_URL=sqlite:data.
`;

const flags = { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } } as const;

/** Exit codes: 78 is EX_CONFIG of sysexits.h, by which a supervisor can tell that another try is pointless. */
const exit = { ok: 0, failure: 1, usage: 2, config: 78 };

type Command = (words: string[], env: Environment) => Promise<number | undefined>;

/** Each is loaded when it is asked for: together they are over a thousand modules. */
const commands = new Map<string, Command>([
  ["serve", runServe],
  ["migrate", runMigrate],
  ["backup", runBackup],
  ["doctor", runDoctor],
]);

/** Those that have options of their own. */
const commandsWithOptions = new Map<string, Command>([
  ["keys", async (words, env) => (await import("./keys.ts")).runKeys(words, env)],
  ["events", async (words, env) => (await import("./events.ts")).runEvents(words, env)],
  ["restore", runRestore],
]);

/**
 * Runs a command line. Answers the exit code, or undefined when something goes on running that will end the process.
 */
export async function runCommand(words: string[], env: Environment): Promise<number | undefined> {
  try {
    const withOptions = commandsWithOptions.get(words[0] ?? "");
    if (withOptions !== undefined) return await withOptions(words.slice(1), env);
    const { values, positionals } = parseWords(words, flags);
    if (values.help) return print(usage);
    if (values.version) return print(`${version}\n`);
    const [name, ...rest] = positionals;
    const command = commands.get(name ?? "");
    if (command === undefined) throw unknownCommand(name);
    return await command(rest, env);
  } catch (error) {
    return explain(error);
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return exit.ok;
}

async function runServe(names: string[], env: Environment): Promise<undefined> {
  const hosted = hostedParts(names);
  const { serve } = await import("./serve.ts");
  await serve(env, hosted);
  return undefined;
}

/** The named ones, or all. */
function hostedParts(names: readonly string[]): ReadonlySet<Part> {
  const unknown = names.find((name) => !isPart(name));
  if (unknown !== undefined) throw new UsageError(`there is no service ${quote(unknown, parts)}`);
  return new Set(names.length === 0 ? parts : parts.filter((part) => names.includes(part)));
}

async function runMigrate(rest: string[], env: Environment): Promise<number> {
  refuseWords("migrate", rest);
  const { migrate } = await import("./migrate.ts");
  return (await migrate(env)) ? exit.ok : exit.failure;
}

async function runBackup(words: string[], env: Environment): Promise<number> {
  const { backup } = await import("./backup.ts");
  await backup(env, words);
  return exit.ok;
}

async function runRestore(words: string[], env: Environment): Promise<number> {
  if (words.some((word) => word === "-h" || word === "--help")) return print(usage);
  const { restore } = await import("./restore.ts");
  await restore(env, words);
  return exit.ok;
}

async function runDoctor(names: string[], env: Environment): Promise<number> {
  const hosted = hostedParts(names);
  const { doctor } = await import("./doctor.ts");
  return (await doctor(env, hosted)) ? exit.ok : exit.failure;
}

function refuseWords(command: string, words: string[]): void {
  if (words.length > 0)
    throw new UsageError(`parley ${command} takes no arguments, but there is "${words[0]}"`);
}

function unknownCommand(name: string | undefined): UsageError {
  if (name === undefined) return new UsageError("which command?");
  const known = [...commands.keys(), ...commandsWithOptions.keys()];
  return new UsageError(`there is no command ${quote(name, known)}`);
}

/** The word, and what was probably meant. */
function quote(word: string, known: Iterable<string>): string {
  const meant = closestName(word, known);
  return meant ? `"${word}": did you mean ${meant}?` : `"${word}"`;
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`parley: ${error.message}\nparley --help shows what there is.`);
    return exit.usage;
  }
  if (error instanceof ConfigError) {
    console.error(`parley: ${error.message}`);
    return exit.config;
  }
  console.error("parley:", isPlain(error) ? error.message : error);
  console.error(
    isListenError(error) ? listenAdvice(error.code) : "`parley doctor` checks what Parley needs.",
  );
  return exit.failure;
}

/** Whether the message says it all: what the operator can mend has no use for a stack. */
function isPlain(error: unknown): error is Error {
  return (
    [DatabaseOpenError, BackupError, HistoriesError, TopicsMissingError].some(
      (plain) => error instanceof plain,
    ) || isListenError(error)
  );
}

function isListenError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && error.syscall === "listen";
}
