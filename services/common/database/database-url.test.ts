import { join } from "node:path";
import { expect, test } from "vitest";
import { DatabaseUrlError, dataFolderOf, parseDatabaseUrl } from "./database-url.ts";

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
])("%s is refused", (url, reason) => {
  const parse = () => parseDatabaseUrl(url);
  expect(parse).toThrow(DatabaseUrlError);
  expect(parse).toThrow(reason);
  expect(parse).toThrow("write sqlite:<folder>");
  expect(parse).not.toThrow("secret");
});

const server = {
  dialect: "mssql",
  host: "db.example",
  port: 1433,
  user: "parley",
  password: "p@ss/word",
  database: "parley",
  encrypt: true,
  trustServerCertificate: false,
  poolSize: 10,
  lockTimeoutMs: 3000,
  requestTimeoutMs: 15_000,
  connectTimeoutMs: 5000,
};

test.each([
  ["mssql://parley:p%40ss%2Fword@db.example/parley", {}],
  ["mssql://parley:p%40ss%2Fword@db.example:14330/parley", { port: 14_330 }],
  ["mssql://parley:p%40ss%2Fword@[::1]/parley", { host: "::1" }],
  [
    "mssql://parley:p%40ss%2Fword@db.example/parley?encrypt=strict&poolSize=40&lockTimeout=500",
    { encrypt: "strict", poolSize: 40, lockTimeoutMs: 500 },
  ],
  [
    "mssql://parley:p%40ss%2Fword@db.example/parley?encrypt=false&trustServerCertificate=true&requestTimeout=60000&connectTimeout=1000",
    { encrypt: false, trustServerCertificate: true, requestTimeoutMs: 60_000, connectTimeoutMs: 1000 },
  ],
])("%s is a server", (url, different) => {
  expect(parseDatabaseUrl(url)).toEqual({ ...server, ...different });
  expect(dataFolderOf(url)).toBeUndefined();
});

test.each([
  [
    "mssql:",
    ["the host is missing", "the user is missing", "the password is missing", "the database is missing"],
  ],
  ["mssql://me:secret@host:99999/data", ["this is not a URL that can be read"]],
  ["mssql://me:secret@host:0/a/b#c", ["the port should be", "the database should be one name", "write %23"]],
  ["mssql://me:secret%@host/data", ["the password has a %"]],
  [
    "mssql://me:secret@host/data?encrypt=maybe&poolSize=0&pool=3&poolSize=5&trustServerCertificate=1",
    [
      "encrypt should be true, false or strict",
      "poolSize should be an integer from 2 to 1000",
      'there is no option "pool" (there are encrypt, trustServerCertificate, poolSize,',
      "poolSize is there twice",
      "trustServerCertificate should be true or false",
    ],
  ],
])("%s is refused, with all that is wrong with it", (url, reasons) => {
  const parse = () => parseDatabaseUrl(url);
  expect(parse).toThrow(DatabaseUrlError);
  for (const reason of reasons) expect(parse).toThrow(reason);
  expect(parse).toThrow("write mssql://<user>:<password>@<host>:<port>/<database>");
  expect(parse).not.toThrow("secret");
});
