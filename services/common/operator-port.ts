import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { reasonOf } from "./errors.ts";
import type { HealthCheck, PartHealth } from "./health.ts";
import type { Service } from "./lifecycle.ts";
import type { MetricsRegistry } from "./metrics.ts";

/** Where operators look: a port of its own, which clients never reach. It needs no token, so it is not for everybody. */
export interface OperatorPort extends Service {
  readonly url: string;
}

export interface OperatorConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** What the process is doing: only `ready` serves. */
export type ProcessState = "starting" | "ready" | "stopping";

export interface OperatorPortDeps {
  metrics: Pick<MetricsRegistry, "text" | "contentType">;
  health: HealthCheck;
  state: () => ProcessState;
  version: string;
  logger: Logger;
}

/** Longer than any answer takes, so that nobody can hold a connection open by saying nothing. */
const requestTimeoutMs = 10_000;

/**
 * Listens before the services start and until they have stopped, so that a start or a stop that hangs can be looked at.
 *
 * - `/metrics`: Prometheus' text format.
 * - `/healthz`: 200, the process lives. `/readyz`: 200 while it serves and every service answers, else 503.
 * - `/health`: what each service answered and how long it took, as JSON; 200 or 503 like `/readyz`.
 */
export async function startOperatorPort(
  config: OperatorConfig,
  deps: OperatorPortDeps,
): Promise<OperatorPort> {
  const { metrics, health, state, version, logger } = deps;

  const answers: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    "/healthz": (response) => sendJson(response, 200, { status: "ok" }),
    async "/metrics"(response) {
      response.setHeader("content-type", metrics.contentType);
      response.end(await metrics.text());
    },
    async "/readyz"(response) {
      const isReady = state() === "ready" && (await health()).every(isWell);
      sendJson(response, isReady ? 200 : 503, { status: isReady ? "ready" : notReady() });
    },
    async "/health"(response) {
      const parts = await health();
      const isReady = state() === "ready" && parts.every(isWell);
      const services = Object.fromEntries(parts.map((part) => [part.name, describe(part)]));
      const uptimeSeconds = Math.round(process.uptime());
      sendJson(response, isReady ? 200 : 503, { status: state(), version, uptimeSeconds, services });
    },
  };
  const notReady = () => (state() === "ready" ? "unavailable" : state());

  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    const answer = answers[request.url?.split("?", 1)[0] ?? ""];
    if (answer === undefined) return sendJson(response, 404, { paths: Object.keys(answers) });
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return sendJson(response, 405, { allow: ["GET", "HEAD"] });
    }
    Promise.try(answer, response).catch((err: unknown) => {
      logger.error({ err, path: request.url }, "an operator's request failed");
      response.destroy();
    });
  });
  server.listen({ host: config.host, port: config.port });
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return {
    name: "operator port",
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function isWell({ error }: PartHealth): boolean {
  return error === undefined;
}

function describe({ latencyMs, error }: PartHealth) {
  const answer = { status: error ? "failing" : "ok", latencyMs: Math.round(latencyMs * 100) / 100 };
  return error ? { ...answer, reason: reasonOf(error) ?? "INTERNAL", message: error.message } : answer;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
  });
  response.end(JSON.stringify(body));
}
