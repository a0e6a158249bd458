import { type DatabaseLocation, migrationStatus } from "../common/database/database.ts";
import type { Finding } from "./finding.ts";

/** Whether each database can be read and is one of this version's. Takes no lock. */
export function checkDatabases(locations: readonly DatabaseLocation[]): Promise<Finding[]> {
  return Promise.all(locations.map(checkDatabase));
}

async function checkDatabase(location: DatabaseLocation): Promise<Finding> {
  const what = `${location.name} database`;
  try {
    const { applied, pending, unknown } = await migrationStatus(location);
    if (unknown.length > 0) {
      const advice = "Run the version of Parley that made it, or restore a backup from before.";
      return { what, found: `from a newer version (${unknown.join(", ")})`, advice };
    }
    if (applied.length === 0) return { what, found: "will be made" };
    const todo =
      pending.length === 0
        ? ""
        : `, ${pending.length} to be migrated by \`parley migrate\` or the next start`;
    return { what, found: `at ${applied.at(-1)}${todo}` };
  } catch (error) {
    const advice =
      "If the file is damaged, restore a backup; if it is another user's, run this as that user.";
    return { what, found: (error as Error).message, advice };
  }
}
