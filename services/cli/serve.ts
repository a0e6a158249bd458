import type { Logger } from "pino";
import type { Gateway } from "../../gateway/service.ts";
import type { Environment } from "../common/config.ts";
import { parseDatabaseUrl } from "../common/database/database-url.ts";
import { closeOnSignals, createCloseStack } from "../common/lifecycle.ts";
import { createLogger } from "../common/logger.ts";
import { type ParleyConfig, readParleyConfig } from "./config.ts";
import { startParley } from "./start-parley.ts";
import { version } from "./version.ts";

/**
 * `parley serve`: resolves when Parley is ready, rejects when it could not start; the process then lives until a signal
 * ends it. A signal during the start waits for the step under way, so that nothing stays open.
 */
export async function serve(env: Environment): Promise<void> {
  const config = readParleyConfig(env);
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
    announce(await starting, config, logger);
  } catch (error) {
    if (stop.signal.aborted) return;
    await stack.close();
    throw error;
  }
}

function announce({ url, grpcUrl }: Gateway, config: ParleyConfig, logger: Logger): void {
  logger.info({ url, grpcUrl, version }, "ready");
  if (!process.stdout.isTTY) return;
  const database = parseDatabaseUrl(config.databaseUrl);
  const data = database.dialect === "sqlite" ? database.folder : `${database.database} on ${database.host}`;
  console.log(`
  Parley ${version} is ready

    REST       ${url}/v1
    Realtime   ${url.replace("http", "ws")}/v1/realtime
    gRPC       ${grpcUrl}
    Data       ${data}

  Ctrl-C stops it.
`);
}
