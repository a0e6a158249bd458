import { openTestDatabase, type TestDatabase } from "./test-database.ts";
import type { TestCommand } from "./test-process.ts";

/** The other end of test-process.ts. */
const [folder = "", readers = ""] = process.argv.slice(2);
try {
  const database = await openTestDatabase({ folder, readers: Number(readers), lockWaitMs: 0 });
  process.on("message", (command: TestCommand) => {
    run(database, command).then(
      (value) => process.send?.(value),
      (error: unknown) => process.send?.(nameOf(error)),
    );
  });
  process.send?.("open");
} catch (error) {
  process.send?.(nameOf(error), () => process.disconnect());
}

async function run(database: TestDatabase, command: TestCommand): Promise<number | string> {
  if (command.type === "count") {
    const rows = await database.kysely.selectFrom("message").select("seq").execute();
    return rows.length;
  }
  const [seq = 0] = await database.call("append", [command.text]);
  return seq;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
