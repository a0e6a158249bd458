import { resolve } from "node:path";
import { type MssqlUrl, parseMssqlUrl } from "./mssql-url.ts";

/** Not the URL of a database that Parley can use. The message says what to write instead. */
export class DatabaseUrlError extends Error {
  constructor(problem: string, form = "sqlite:<folder>, such as sqlite:data or sqlite:/var/lib/parley") {
    super(`${problem}; write ${form}`);
    this.name = "DatabaseUrlError";
  }
}

export interface SqliteUrl {
  dialect: "sqlite";
  /** Absolute. */
  folder: string;
}

export type DatabaseUrl = SqliteUrl | MssqlUrl;

/** What a database URL names. A relative folder is one of the working directory. Throws DatabaseUrlError. */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url);
  // What is no URL, or one of another kind, may hold a password: it isn't repeated.
  if (!scheme) throw new DatabaseUrlError("this is not a database URL");
  const [, name = "", rest = ""] = scheme;
  if (name === "mssql") return parseMssql(url);
  if (name !== "sqlite") throw new DatabaseUrlError(`there is no database of kind ${JSON.stringify(name)}`);
  return { dialect: "sqlite", folder: resolve(checkedFolder(rest)) };
}

/** The folder that holds the data; undefined if a server does. Throws DatabaseUrlError. */
export function dataFolderOf(url: string): string | undefined {
  const parsed = parseDatabaseUrl(url);
  return parsed.dialect === "sqlite" ? parsed.folder : undefined;
}

function parseMssql(url: string): MssqlUrl {
  const { parsed, problems } = parseMssqlUrl(url);
  if (parsed) return parsed;
  throw new DatabaseUrlError(problems.join(", "), "mssql://<user>:<password>@<host>:<port>/<database>");
}

function checkedFolder(folder: string): string {
  const shown = JSON.stringify(`sqlite:${folder}`);
  if (folder.trim() === "") throw new DatabaseUrlError(`${shown} names no folder`);
  if (folder.includes("\0")) throw new DatabaseUrlError(`${shown} is no path`);
  if (folder.startsWith("//"))
    throw new DatabaseUrlError(`${shown} names a host, but SQLite is a local folder`);
  if (folder === ":memory:") throw new DatabaseUrlError("a database in memory keeps nothing");
  if (/[?#]/.test(folder)) throw new DatabaseUrlError(`${shown} has a ? or #, and there are no options`);
  return folder;
}
