import type { FastifyInstance } from "fastify";
import { createHealthCheck } from "../services/common/health.ts";
import type { RpcClients } from "../services/common/rpc/rpc.ts";

/**
 * `/healthz`: the process lives. `/readyz`: it can serve, which means that every service answers from its database and
 * that it is not about to stop.
 */
export function mountHealth(app: FastifyInstance, deps: { rpc: RpcClients; stopping(): boolean }): void {
  const check = createHealthCheck(deps);

  const config = { unlimited: true };
  app.get("/healthz", { config }, async () => ({ status: "ok" }));
  app.get("/readyz", { config }, async (_, reply) => {
    const parts = deps.stopping() ? [] : await check();
    if (deps.stopping()) return reply.code(503).send({ status: "stopping" });
    for (const { error } of parts) if (error) throw error;
    return { status: "ready" };
  });
}
