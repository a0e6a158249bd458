/**
 * What processes that tests start have of the environment: where programs are, and where Node keeps code that it has
 * compiled (vitest.config.ts), which is a third of what a start costs.
 */
export const inheritedEnv: Readonly<Record<string, string>> = Object.fromEntries(
  ["PATH", "NODE_COMPILE_CACHE"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
