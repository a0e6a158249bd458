import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Logger } from "pino";
import { toConnectError, UnavailableError } from "../errors.ts";
import { createErrorReport } from "./error-report.ts";
import type { LocalCall } from "./local-call.ts";
import { createLocalMethod, type LocalHandler, type LocalMethod } from "./local-method.ts";
import type { ServerCheck, ServerInterceptor } from "./rpc.ts";

export interface LocalService {
  /** By the method's name in the contract; without those that the implementation lacks. */
  readonly methods: ReadonlyMap<string, LocalMethod>;
  /** As `ServedService.close`; the owner sees to it that no call begins any more. */
  close(): Promise<void>;
}

export interface LocalServiceDeps {
  logger: Logger;
  interceptors: readonly ServerInterceptor[];
  /** How long `close` waits for handlers before it aborts them, in ms. */
  graceMs: number;
}

/** One service that takes calls, and the calls that it has taken. */
export function createLocalService<S extends DescService>(
  service: S,
  implementation: ServiceImpl<S>,
  deps: LocalServiceDeps,
): LocalService {
  const handlers = implementation as Record<string, LocalHandler | undefined>;
  const report = createErrorReport(deps);
  const running = new Set<LocalCall>();
  let onIdle: (() => void) | undefined;

  const methods = new Map<string, LocalMethod>();
  for (const method of service.methods) {
    const handler = handlers[method.localName]?.bind(implementation);
    if (handler === undefined) continue;
    const checks = deps.interceptors.map((intercept) => intercept(method));
    const localMethod = createLocalMethod({
      method,
      handler,
      checks: checks.filter((check): check is ServerCheck => check !== undefined),
      report,
      started: (context) => running.add(context),
      finished(context) {
        running.delete(context);
        if (running.size === 0) onIdle?.();
      },
    });
    methods.set(method.name, localMethod);
  }

  function abort(which: (context: LocalCall) => boolean): void {
    const failure = toConnectError(new UnavailableError("the service is shutting down"));
    for (const context of [...running].filter(which)) context.abort(failure);
  }

  return {
    methods,
    async close() {
      abort(({ method }) => method.methodKind !== "unary");
      if (running.size === 0) return;
      const { promise: idle, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      const timer = setTimeout(() => {
        abort(() => true);
        deps.logger.warn({ service: service.typeName, calls: running.size }, "handlers are left behind");
        resolve();
      }, deps.graceMs);
      await idle;
      clearTimeout(timer);
    },
  };
}
