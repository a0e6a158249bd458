import { join } from "node:path";
import { expect, test } from "vitest";
import { DatabaseUrlError, parseDatabaseUrl } from "./database-url.ts";

test.each([
  ["sqlite:data", join(process.cwd(), "data")],
  ["sqlite:./a/../data", join(process.cwd(), "data")],
  ["sqlite:/var/lib/parley", "/var/lib/parley"],
  ["sqlite:/with space/%20", "/with space/%20"],
])("%s is the folder %s", (url, folder) => {
  expect(parseDatabaseUrl(url)).toEqual({ dialect: "sqlite", folder });
});

test.each([
  ["", "not a database URL"],
  ["data", "not a database URL"],
  ["sqlite:", "names no folder"],
  ["sqlite://host/data", "names a host"],
  ["sqlite::memory:", "keeps nothing"],
  ["sqlite:data?mode=ro", "no options"],
  ["postgres://me:secret@host/data", 'no database of kind "postgres"'],
  ["mssql://me:secret@host/data", "SQL Server (mssql:) is not supported yet"],
])("%s is refused", (url, reason) => {
  const parse = () => parseDatabaseUrl(url);
  expect(parse).toThrow(DatabaseUrlError);
  expect(parse).toThrow(reason);
  expect(parse).toThrow("write sqlite:<folder>");
  expect(parse).not.toThrow("secret");
});
