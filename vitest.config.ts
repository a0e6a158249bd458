import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./scripts/summary-reporter.ts";

/** Where Node keeps what it has compiled: suites start hundreds of processes, each of a thousand files. */
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, ".cache/compiled");

/**
 * The same tests once more on the SQL Server that `PARLEY_TEST_MSSQL_URL` names: `mssql://user:password@host/master`, of
 * a login that may make databases. Each test has a database of its own there, which is dropped after it.
 */
const server = process.env.PARLEY_TEST_MSSQL_URL;
const run = process.pid.toString(36);
const onServer = {
  extends: true as const,
  test: {
    name: "mssql",
    include: [
      "services/{auth,room,message}/**/*.test.ts",
      "services/common/database/{database,lease,mssql-faults}.test.ts",
    ],
    env: { PARLEY_TEST_ON_MSSQL: server ?? "", PARLEY_TEST_RUN: run },
    globalSetup: "services/common/database/test-server.ts",
    // The first statements of each connection cost some servers seconds, and on a busy machine minutes.
    testTimeout: 900_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    maxWorkers: 2,
    sequence: { groupOrder: 3 },
  },
};

/** `npm test`: unit tests, then the suites that start servers, then attacks on servers. One of them: `npm test -- --project unit`. */
export default defineConfig({
  test: {
    reporters: ["default", new SummaryReporter()],
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "services/**/*.test.ts",
            "gateway/**/*.test.ts",
            "client/**/*.test.ts",
            "scripts/**/*.test.ts",
          ],
          testTimeout: 10_000,
          // To load everything anew for each file was half of the work. So a file leaves nothing behind: timers, spies.
          isolate: false,
          expect: { poll: { timeout: 5_000 } },
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/**/*.test.ts"],
          exclude: ["test/attacks/**"],
          globalSetup: ["test/warm-up.ts", "test/python/global-setup.ts", "test/kafka/global-setup.ts"],
          testTimeout: server ? 120_000 : 30_000,
          hookTimeout: server ? 900_000 : 90_000,
          // What is waited for takes long only where machines are busy.
          expect: { poll: { timeout: 15_000 } },
          // Each file starts servers of its own: more at once than this measure each other.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "attacks",
          include: ["test/attacks/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 90_000,
          // After all others, which they would keep from being served.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      ...(server ? [onServer] : []),
    ],
  },
});
