import type { EnvReader } from "../config.ts";
import { DatabaseUrlError, parseDatabaseUrl } from "./database-url.ts";

/** Where every service's data is: `PARLEY_DATABASE_URL`, or the file that `PARLEY_DATABASE_URL_FILE` names. */
export function readDatabaseUrl(reader: EnvReader): string {
  const name = "PARLEY_DATABASE_URL";
  // It may hold a password, so it is read as what is never shown.
  const url = reader.secret(name, { minLength: 1 }) || "sqlite:data";
  try {
    parseDatabaseUrl(url);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    reader.problem(`${name}: ${error.message}`);
  }
  return url;
}
