import type { Logger } from "pino";
import type { Environment } from "../common/config.ts";
import { parseDatabaseUrl } from "../common/database/database-url.ts";
import { closeOnSignals, createCloseStack } from "../common/lifecycle.ts";
import { createLogger } from "../common/logger.ts";
import { type ParleyConfig, readParleyConfig } from "./config.ts";
import type { Part } from "./parts.ts";
import { type Started, startParley } from "./start-parley.ts";
import { setV8Flags } from "./v8-flags.ts";
import { version } from "./version.ts";

/**
 * `parley serve`: resolves when the process is ready, rejects when it could not start; the process then lives until a signal
 * ends it. A signal during the start waits for the step under way, so that nothing stays open.
 */
export async function serve(env: Environment, hosted: ReadonlySet<Part>): Promise<void> {
  const config = readParleyConfig(env, hosted);
  const logger = createLogger({ level: config.logLevel, pretty: process.stdout.isTTY });
  const stack = createCloseStack({ logger });
  const stop = new AbortController();
  const starting = startParley(config, { logger, stack, signal: stop.signal });
  closeOnSignals({
    logger,
    async close() {
      stop.abort();
      await starting.catch(() => {});
      return stack.close();
    },
  });
  try {
    const started = await starting;
    setV8Flags();
    announce(started, config, logger);
  } catch (error) {
    if (stop.signal.aborted) return;
    await stack.close();
    throw error;
  }
}

function announce({ gateway, meshPort }: Started, config: ParleyConfig, logger: Logger): void {
  const services = [...config.hosted];
  logger.info({ url: gateway?.url, grpcUrl: gateway?.grpcUrl, meshPort, services, version }, "ready");
  if (!process.stdout.isTTY || gateway === undefined) return;
  const { url, grpcUrl } = gateway;
  const data = config.databaseUrl === undefined ? "with other services" : placeOf(config.databaseUrl);
  console.log(`
  Parley ${version} is ready

    REST       ${url}/v1
    Realtime   ${url.replace("http", "ws")}/v1/realtime
    gRPC       ${grpcUrl}
    Data       ${data}

  Ctrl-C stops it.
`);
}

function placeOf(databaseUrl: string): string {
  const database = parseDatabaseUrl(databaseUrl);
  return database.dialect === "sqlite" ? database.folder : `${database.database} on ${database.host}`;
}
