import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { sqliteFiles } from "./sqlite-files.ts";

/** Keeps all writers of a database waiting, as another process does that writes. Answers how to let them go. */
export function holdWriters(folder: string, name: string): () => void {
  const other = new DatabaseSync(sqliteFiles(folder, name).database);
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  return () => other.exec("ROLLBACK");
}
