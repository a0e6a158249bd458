import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";

/** What a command line has about it, new for each test of the file. */
export interface TestCommandLine {
  /** Where the data is. */
  readonly folder: string;
  /** Names that folder, and free ports. */
  readonly env: Record<string, string>;
  /** All that was printed, on standard output and standard error; a test may empty it. */
  printed: string;
}

export function createTestCommandLine(): TestCommandLine {
  const cli = { folder: "", env: {} as Record<string, string>, printed: "" };
  beforeEach(() => {
    cli.folder = mkdtempSync(join(tmpdir(), "parley-cli-"));
    cli.env = { PARLEY_DATABASE_URL: `sqlite:${cli.folder}`, PARLEY_HTTP_PORT: "0", PARLEY_GRPC_PORT: "0" };
    cli.printed = "";
    const print = (...words: unknown[]) => {
      cli.printed += `${words.join(" ")}\n`;
      return true;
    };
    vi.spyOn(console, "log").mockImplementation(print);
    vi.spyOn(console, "error").mockImplementation(print);
    vi.spyOn(process.stdout, "write").mockImplementation(print);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(cli.folder, { recursive: true });
  });
  return cli;
}
