import { resolve } from "node:path";

/** Not the URL of a database that Parley can use. The message says what to write instead. */
export class DatabaseUrlError extends Error {
  constructor(problem: string) {
    super(`${problem}; write sqlite:<folder>, such as sqlite:data or sqlite:/var/lib/parley`);
    this.name = "DatabaseUrlError";
  }
}

export interface SqliteUrl {
  dialect: "sqlite";
  /** Absolute. */
  folder: string;
}

/** What a database URL names. A relative folder is one of the working directory. Throws DatabaseUrlError. */
export function parseDatabaseUrl(url: string): SqliteUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url);
  if (!scheme) throw new DatabaseUrlError(`${JSON.stringify(url)} is not a database URL`);
  const [, name = "", rest = ""] = scheme;
  // The rest of other URLs may hold a password: it isn't repeated.
  if (name === "mssql") throw new DatabaseUrlError("SQL Server (mssql:) is not supported yet");
  if (name !== "sqlite") throw new DatabaseUrlError(`there is no database of kind ${JSON.stringify(name)}`);
  return { dialect: "sqlite", folder: resolve(checkedFolder(rest)) };
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
