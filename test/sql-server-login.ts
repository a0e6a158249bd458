import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onServer } from "../services/common/database/test-mssql.ts";

const script = readFileSync(join(import.meta.dirname, "../deploy/sqlserver/logins.sql"), "utf8");

/** A login as deploy/sqlserver/logins.sql makes it. */
export interface SqlServerLogin {
  /** The database's URL, by that login. */
  readonly url: string;
  /** After the database was dropped. */
  drop(): Promise<void>;
}

/** Runs the script on a database that was migrated, by the administrator whose URL this is. */
export async function createLogin(databaseUrl: string): Promise<SqlServerLogin> {
  const url = new URL(databaseUrl);
  const Database = url.pathname.slice(1);
  const values: Record<string, string> = {
    Database,
    Login: `login_${Database}`,
    Password: `Aa1-${randomBytes(16).toString("hex")}`,
  };
  const commands = script
    .replace(/^\s*--.*$/gm, "")
    .replace(/\$\((\w+)\)/g, (_, name: string) => values[name]!)
    .split(/^GO$/m);
  await onServer(databaseUrl, async (run) => {
    const { recordset } = await run("select @@version as version");
    const isBabelfish = String((recordset as { version: string }[])[0]?.version).includes("Babelfish");
    for (const command of isBabelfish ? forBabelfish(commands, values) : commands) await run(command);
  });
  url.username = values.Login!;
  url.password = values.Password!;
  const drop = () =>
    onServer(databaseUrl.replace(`/${Database}`, "/master"), (run) => run(`drop login ${values.Login}`));
  return { url: url.href, drop };
}

/** The tables and views of Message that its procedures alone touch, or besides what the script grants. */
const ofProcedures =
  "meta room person member room_change event reaction reaction_count feed feed_due deleted_room deleted_message outbox standing";

/** It has no DENY, and procedures there have no rights but their caller's. */
function forBabelfish(commands: readonly string[], { Login }: Record<string, string>): string[] {
  const grants = ofProcedures
    .split(" ")
    .map((table) => `GRANT SELECT, INSERT, UPDATE, DELETE ON message.${table} TO [${Login}];`);
  return [...commands.map((command) => command.replace(/^DENY .*$/gm, "")), ...grants].filter(
    (command) => command.trim() !== "",
  );
}
