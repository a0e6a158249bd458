import { readFileSync } from "node:fs";
import { closestName } from "./closest-name.ts";
import { parseBoolean, parseDuration, parseInteger, parseRate, quoted } from "./config-formats.ts";
import type { Rate } from "./rate-limit.ts";

export type { Rate };

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that is wrong with the configuration, a line for each fault. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** What an absent variable means; without either, it is required. */
interface Absent<T> {
  readonly default?: T;
  readonly optional?: true;
}

/** How a value is read: `should` says what is right, `standIn` goes on in place of what is wrong. */
interface Format<T> {
  readonly parse: (text: string) => T | undefined;
  readonly should: string;
  readonly standIn: T;
}

const prefix = "PARLEY_";
const maxPort = 65_535;

export function readEnvironment(env: Environment): EnvReader {
  return new EnvReader(env);
}

/**
 * Reads `PARLEY_*` variables. An empty variable is an absent one. What is wrong is noted, and a stand-in returned, so
 * that `finish` throws one error that lists it all; nothing that was read may be used before. Every variable that
 * exists has to be asked for, since `finish` takes those that nobody asked for as mistyped.
 */
export class EnvReader {
  readonly #env: Environment;
  #problems = new Set<string>();
  readonly #known = new Set<string>();
  readonly #limits: boolean;

  constructor(env: Environment) {
    this.#env = env;
    this.#limits = this.boolean("PARLEY_LIMITS", { default: true });
  }

  string(name: string, absent: { optional: true }): string | undefined;
  string(name: string, absent?: { default: string }): string;
  string(name: string, absent: Absent<string> = {}): string | undefined {
    return this.#read(name, absent, { parse: (text) => text, should: "some text", standIn: "" });
  }

  integer(name: string, rule: { default: number; min?: number; max?: number }): number {
    return this.#read(name, rule, integerFormat(rule.min ?? 0, rule.max ?? Number.MAX_SAFE_INTEGER))!;
  }

  /** A part of a whole, from 0 to 1. */
  ratio(name: string, absent: { default: number }): number {
    const parse = (text: string) =>
      /^(0|1|[01]?\.\d+)$/.test(text) && Number(text) <= 1 ? Number(text) : undefined;
    return this.#read(name, absent, { parse, should: "a number from 0 to 1, such as 0.1", standIn: 0 })!;
  }

  /** 0 lets the system choose. */
  port(name: string, absent: { optional: true }): number | undefined;
  port(name: string, absent: { default: number }): number;
  port(name: string, absent: Absent<number>): number | undefined {
    return this.#read(name, absent, integerFormat(0, maxPort));
  }

  boolean(name: string, absent: { default: boolean }): boolean {
    return this.#read(name, absent, { parse: parseBoolean, should: "on or off", standIn: false })!;
  }

  /** In ms, of `500ms`, `30s`, `10m`, `2h`, `7d`. */
  duration(name: string, rule: { default: string; min?: string; max?: string }): number {
    const [fallback, min, max] = [rule.default, rule.min ?? "0s", rule.max ?? "3650d"].map(parseDuration);
    const parse = (text: string) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= min! && ms <= max! ? ms : undefined;
    };
    const bounds = [rule.min && `${rule.min} or more`, rule.max && `${rule.max} or less`].filter(Boolean);
    const should = [`a duration such as 500ms, 30s, 10m, 2h or 7d`, ...bounds].join(", ");
    return this.#read(name, { default: fallback! }, { parse, should, standIn: 0 })!;
  }

  /** `20/s`, `100/m`; undefined is no limit: `off`, or PARLEY_LIMITS=off, which turns off all of them. */
  rate(name: string, absent: { default: string }): Rate | undefined {
    const read = (text: string) => (text === "off" ? null : parseRate(text));
    const rate = this.#read<Rate | null>(
      name,
      { default: read(absent.default)! },
      { parse: read, should: "a rate such as 20/s, 100/m or 1000/h, or off", standIn: null },
    );
    return this.#limits ? (rate ?? undefined) : undefined;
  }

  /** A bound on how many there may be; undefined is none: `off`, or PARLEY_LIMITS=off. */
  bound(name: string, absent: { default: number }): number | undefined {
    const read = (text: string) => (text === "off" ? null : parseInteger(text));
    const parse = (text: string) => {
      const value = read(text);
      return value === null || (value !== undefined && value > 0) ? value : undefined;
    };
    const format = { parse, should: "an integer of 1 or more, or off", standIn: null };
    const value = this.#read<number | null>(name, absent, format);
    return this.#limits ? (value ?? undefined) : undefined;
  }

  oneOf<T extends string>(name: string, values: readonly T[], absent: { default: NoInfer<T> }): T {
    const parse = (text: string) => values.find((value) => value === text);
    return this.#read(name, absent, {
      parse,
      should: `one of ${values.join(", ")}`,
      standIn: absent.default,
    })!;
  }

  /** Values between commas; spaces around them don't count. */
  list(name: string, absent: { default: readonly string[] }): readonly string[] {
    const parse = (text: string) => {
      const values = text.split(",").map((value) => value.trim());
      return values.includes("") ? undefined : Object.freeze(values);
    };
    return this.#read(name, absent, { parse, should: "values separated by commas", standIn: [] })!;
  }

  /** `<scheme>:<rest>` with one of the schemes, as it was written. */
  url(name: string, schemes: readonly string[], absent: { optional: true }): string | undefined;
  url(name: string, schemes: readonly string[], absent?: { default: string }): string;
  url(name: string, schemes: readonly string[], absent: Absent<string> = {}): string | undefined {
    const parse = (text: string) =>
      schemes.some((scheme) => text.startsWith(`${scheme}:`)) ? text : undefined;
    const should = `a URL that starts with ${schemes.map((scheme) => `${scheme}:`).join(" or ")}`;
    return this.#read(name, absent, { parse, should, standIn: "" });
  }

  /** The variable, or what is in the file that `<name>_FILE` names, less the last line break. Never shown. */
  secret(name: string, rule: { minLength: number }): string | undefined {
    const fileName = `${name}_FILE`;
    const inline = this.#value(name);
    const file = this.#value(fileName);
    if (inline !== undefined && file !== undefined)
      this.problem(`${name} and ${fileName} are both set: leave one out`);
    const secret = inline ?? (file === undefined ? undefined : this.#content(fileName, file));
    if (secret !== undefined && secret.length < rule.minLength) {
      const source = inline === undefined ? `The content of ${fileName}` : name;
      this.problem(`${source} has ${secret.length} characters: it should have ${rule.minLength} or more`);
    }
    return secret;
  }

  /** Takes note of a variable that means nothing here, and refuses it if it is set. */
  refuse(name: string, why: string): void {
    const text = this.#value(name);
    if (text !== undefined) this.problem(`${name} is ${quoted(text)}: ${why}`);
  }

  /** Takes note of variables that mean something to other processes only: what is wrong with them is theirs to tell. */
  forOthers(read: (reader: this) => unknown): undefined {
    const problems = this.#problems;
    this.#problems = new Set();
    try {
      read(this);
    } finally {
      this.#problems = problems;
    }
    return undefined;
  }

  /** Notes what only several variables together show to be wrong. The same again doesn't count. */
  problem(text: string): void {
    this.#problems.add(text);
  }

  /** Throws a ConfigError if anything was wrong. */
  finish(): void {
    const names = Object.keys(this.#env).filter((name) => name.startsWith(prefix) && !this.#known.has(name));
    for (const name of names) {
      const meant = closestName(name, this.#known);
      this.problem(`${name} is no variable of Parley${meant ? `: did you mean ${meant}?` : ""}`);
    }
    if (this.#problems.size > 0) throw new ConfigError([...this.#problems]);
  }

  #read<T>(name: string, absent: Absent<T>, format: Format<T>): T | undefined {
    const text = this.#value(name);
    if (text !== undefined) {
      const value = format.parse(text);
      if (value !== undefined) return value;
      this.problem(`${name} is ${quoted(text)}: it should be ${format.should}`);
    } else if (absent.default === undefined && !absent.optional) {
      this.problem(`${name} is missing: it should be ${format.should}`);
    }
    return absent.default ?? (text === undefined && absent.optional ? undefined : format.standIn);
  }

  #value(name: string): string | undefined {
    this.#known.add(name);
    return this.#env[name] || undefined;
  }

  #content(name: string, file: string): string | undefined {
    try {
      return readFileSync(file, "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.problem(`${name} is ${quoted(file)}: it should be a file that can be read (${code})`);
      return undefined;
    }
  }
}

function integerFormat(min: number, max: number): Format<number> {
  const parse = (text: string) => {
    const value = parseInteger(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  };
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  return { parse, should: `an integer ${bounds}`, standIn: min };
}
