import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { v8Flags } from "./v8-flags.ts";

test("this Node.js has the flags", () => {
  const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  for (const flag of v8Flags) expect(known).toContain(`${flag.replace("--no-", "--")} (`);
});
