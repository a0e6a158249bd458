const browsers: readonly [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/Chrome\/|Chromium\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const systems: readonly [RegExp, string][] = [
  [/iPhone/, "an iPhone"],
  [/iPad/, "an iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "a Mac"],
  [/Linux/, "Linux"],
];

/** What the list of sessions calls this browser: "Firefox on Linux". */
export function deviceName(userAgent: string): string {
  const named = (known: readonly [RegExp, string][]) => known.find(([is]) => is.test(userAgent))?.[1];
  const system = named(systems);
  const browser = named(browsers) ?? "A browser";
  return system ? `${browser} on ${system}` : browser;
}
