import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./scripts/summary-reporter.ts";

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
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["test/**/*.test.ts"],
          exclude: ["test/attacks/**"],
          globalSetup: ["test/python/global-setup.ts", "test/kafka/global-setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 90_000,
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
    ],
  },
});
