import type { FastifyInstance } from "fastify";

/**
 * Learns the paths without parameters as they are mounted. Answers which verbs one takes, to tell who tries another;
 * none for a path that isn't there.
 */
export function learnFixedPaths(app: FastifyInstance): (url: string) => readonly string[] {
  const verbs = new Map<string, string[]>();
  app.addHook("onRoute", ({ url, method, config }) => {
    const isFixed = !url.includes("*") && !url.includes(":");
    if (isFixed && !config?.refuses) verbs.set(url, (verbs.get(url) ?? []).concat(method));
  });
  return (url) => verbs.get(url.split("?", 1)[0] ?? "") ?? [];
}
