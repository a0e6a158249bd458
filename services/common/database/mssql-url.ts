/** A database on a SQL Server, and how it is reached. */
export interface MssqlUrl {
  dialect: "mssql";
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Whether the connection is encrypted; `strict` is TDS 8, encrypted from its first byte. */
  encrypt: boolean | "strict";
  /** Takes whatever certificate the server has. */
  trustServerCertificate: boolean;
  /** Connections of one service. */
  poolSize: number;
  /** How long a statement waits for a lock before it is answered UNAVAILABLE, in ms. */
  lockTimeoutMs: number;
  /** How long a statement may take, in ms. */
  requestTimeoutMs: number;
  /** How long connecting may take, in ms. */
  connectTimeoutMs: number;
}

type MssqlOptions = Omit<MssqlUrl, "dialect" | "host" | "port" | "user" | "password" | "database">;

const defaults: MssqlOptions = {
  encrypt: true,
  trustServerCertificate: false,
  poolSize: 10,
  lockTimeoutMs: 3000,
  requestTimeoutMs: 15_000,
  connectTimeoutMs: 5000,
};

/** Either what the URL says, or everything that is wrong with it; never the password. */
export function parseMssqlUrl(text: string): { parsed: MssqlUrl | undefined; problems: string[] } {
  const problems: string[] = [];
  const url = URL.parse(text);
  if (url === null) return { parsed: undefined, problems: ["this is not a URL that can be read"] };
  const decoded = (value: string, what: string): string => {
    try {
      const plain = decodeURIComponent(value);
      if (plain === "") problems.push(`the ${what} is missing`);
      return plain;
    } catch {
      problems.push(`the ${what} has a % that begins no escape: write %25`);
      return "";
    }
  };
  const parsed: MssqlUrl = {
    dialect: "mssql",
    host: decoded(url.hostname, "host").replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 1433 : Number(url.port),
    user: decoded(url.username, "user"),
    password: decoded(url.password, "password"),
    database: decoded(url.pathname.replace(/^\//, ""), "database"),
    ...readOptions(url.searchParams, problems),
  };
  if (parsed.port === 0) problems.push("the port should be from 1 to 65535");
  if (parsed.database.includes("/")) problems.push("the database should be one name");
  if (url.hash !== "") problems.push("there is a #: write %23");
  return { parsed: problems.length === 0 ? parsed : undefined, problems };
}

function readOptions(given: URLSearchParams, problems: string[]): MssqlOptions {
  const options = { ...defaults };
  const seen = new Set<string>();
  for (const [name, value] of given) {
    if (seen.has(name)) problems.push(`${name} is there twice`);
    seen.add(name);
    const read = Object.hasOwn(readers, name) ? readers[name as keyof typeof readers] : undefined;
    if (read) {
      const wrong = read(options, value);
      if (wrong !== undefined) problems.push(`${name} should be ${wrong}`);
    } else {
      const known = Object.keys(readers).join(", ");
      problems.push(`there is no option ${JSON.stringify(name)} (there are ${known})`);
    }
  }
  return options;
}

type OptionReader = (options: MssqlOptions, value: string) => string | undefined;

const readers = {
  encrypt(options, value) {
    if (!["true", "false", "strict"].includes(value)) return "true, false or strict";
    options.encrypt = value === "strict" ? value : value === "true";
    return undefined;
  },
  trustServerCertificate(options, value) {
    if (!["true", "false"].includes(value)) return "true or false";
    options.trustServerCertificate = value === "true";
    return undefined;
  },
  poolSize: integerOption("poolSize", 2, 1000),
  lockTimeout: integerOption("lockTimeoutMs", 100, 60_000),
  requestTimeout: integerOption("requestTimeoutMs", 1000, 600_000),
  connectTimeout: integerOption("connectTimeoutMs", 1000, 600_000),
} satisfies Record<string, OptionReader>;

function integerOption(
  name: "poolSize" | "lockTimeoutMs" | "requestTimeoutMs" | "connectTimeoutMs",
  min: number,
  max: number,
): OptionReader {
  return (options, value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) return `an integer from ${min} to ${max}`;
    options[name] = number;
    return undefined;
  };
}
