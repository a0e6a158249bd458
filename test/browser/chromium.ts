import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/**
 * Whether tests in a browser can run. In CI they have to, and fail without one; elsewhere they are left out, and the
 * reason is said once.
 */
export function hasChromium(): boolean {
  if (existsSync(executablePath) || process.env.CI) return true;
  console.warn("skipped: no Chromium; apt-get install chromium, or set CHROMIUM_PATH");
  return false;
}

export function launchChromium(): Promise<Browser> {
  // As root, which CI is, Chromium's sandbox does not start. It loads pages of ours only.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
