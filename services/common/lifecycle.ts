import closeWithGrace from "close-with-grace";
import type { Logger } from "pino";
import type { TokenVerifier } from "./auth.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { EventLog } from "./events/event-log.ts";
import type { Metrics } from "./metrics.ts";
import type { RpcClients, RpcServer } from "./rpc/rpc.ts";
import type { Tracer } from "./tracing.ts";
import type { Validator } from "./validation.ts";

/** A service that runs in this process. */
export interface Service {
  readonly name: string;
  /**
   * Stops taking calls, ends its background work, closes what it opened. Resolves when that is done; whatever it uses
   * of the process (RPC, event log) still works until then.
   */
  close(): Promise<void>;
}

/** What every `startX(config, deps)` is given. */
export interface ServiceDeps {
  logger: Logger;
  rpc: RpcServer & RpcClients;
  events: EventLog;
  verifier: TokenVerifier;
  validator: Validator;
  /** Absent where nobody asks for metrics: then nothing is measured. */
  metrics?: Metrics | undefined;
  /** Absent where no traces are configured. */
  tracer?: Tracer | undefined;
}

/** How a process ends: what was opened last is closed first. */
export interface CloseStack {
  /** To be closed before everything that was added earlier. Not to be called any more once it closes. */
  add(name: string, close: () => Promise<void> | void): void;
  /**
   * Closes one after the other. What fails or takes longer than its grace is logged and left behind, and the rest goes
   * on. Answers whether all went well. Further calls answer the first one's promise.
   */
  close(): Promise<boolean>;
}

const closeGraceMs = 6000;

export function createCloseStack(deps: { logger: Logger; graceMs?: number }): CloseStack {
  const { logger, graceMs = closeGraceMs } = deps;
  const steps: { name: string; close: () => Promise<void> | void }[] = [];
  let closing: Promise<boolean> | undefined;

  async function closeAll(): Promise<boolean> {
    let clean = true;
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await withinGrace(step.close, graceMs);
      } catch (err) {
        clean = false;
        logger.error({ err, step: step.name }, "closing failed");
      }
    }
    return clean;
  }

  return {
    add: (name, close) => void steps.push({ name, close }),
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

async function withinGrace(close: () => Promise<void> | void, graceMs: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not closed within ${graceMs} ms`)), graceMs);
  try {
    await Promise.race([close(), late]);
  } finally {
    clearTimeout(timer);
  }
}

const shutdownGraceMs = 10_000;

/** Signals that tell of a broken process: they keep their default, which is to end it. */
const brokenProcess = ["SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"] as const;

/**
 * Ends the process in order on SIGTERM, SIGINT and the like (exit 0 if everything closed well) and on an error that
 * nobody caught (exit 1). After 10 s, or at a second signal, it ends where it stands (exit 1).
 */
export function closeOnSignals({ logger, close }: { logger: Logger; close: () => Promise<boolean> }): void {
  // beforeExit: a command that ends by itself has an exit code of its own.
  const skip = [...brokenProcess, "SIGUSR2" as const, "beforeExit" as const];
  closeWithGrace({ delay: shutdownGraceMs, logger, skip }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, "uncaught error, stopping");
    else logger.info({ signal }, "stopping");
    if (!(await close())) throw new Error("not everything could be closed");
    logger.info("stopped");
  });
}

const restart = { firstMs: 100, capMs: 10_000 };
const steadyMs = 30_000;

/**
 * Keeps background work going: `run` is started again, after a growing pause, when it fails or ends before the signal
 * aborts. Resolves when the signal has aborted and `run` has ended; never rejects.
 */
export async function runForever(
  name: string,
  run: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    const started = performance.now();
    try {
      await run(signal);
      if (!signal.aborted) logger.warn({ work: name }, "background work ended, starting it again");
    } catch (err) {
      if (!signal.aborted) logger.error({ err, work: name }, "background work failed, starting it again");
    }
    if (performance.now() - started > steadyMs) attempt = 1;
    await pause(backoffMs(attempt, restart), signal);
  }
}
