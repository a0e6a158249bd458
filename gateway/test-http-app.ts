import { BlockList } from "node:net";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { createClientReader } from "./clients.ts";
import { createHttpApp, type HttpAppDeps } from "./http.ts";

/** Trusts no proxy. */
export const testClients = createClientReader(new BlockList());

/** An app without routes and rates. */
export function createTestApp(deps: Partial<HttpAppDeps> = {}): FastifyInstance {
  return createHttpApp({
    logger: pino({ enabled: false }),
    clients: testClients,
    admitAddress: () => {},
    headTimeoutMs: 10_000,
    bodyTimeoutMs: 30_000,
    ...deps,
  });
}
