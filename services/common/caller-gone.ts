import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Who the running code works for, known wherever something is about to wait or to begin.
 *
 * The RPC layer says it once per unary call, around the handler. Whatever keeps a queue asks when something's turn has
 * come: what was asked for a caller who has given up is not begun any more. What is under way is finished; and work
 * that others wait for too, or that must follow what was committed, is nobody's: `forEverybody`.
 */
export interface CallerSide {
  /** Why the caller ended the call before it was answered. */
  readonly failure: Error | undefined;
}

const callers = new AsyncLocalStorage<CallerSide | undefined>();

/** Does the work, and all that it starts, for this caller. */
export function forCaller<T>(caller: CallerSide, work: () => T): T {
  return callers.run(caller, work);
}

/** Does the work, and all that it starts, whoever is gone. */
export function forEverybody<T>(work: () => T): T {
  return callers.run(undefined, work);
}

/** Undefined where nobody waits, or more than one. */
export function currentCaller(): CallerSide | undefined {
  return callers.getStore();
}

/** Throws what the caller got instead of the answer. */
export function refuseGone(caller: CallerSide | undefined): void {
  if (caller?.failure !== undefined) throw caller.failure;
}
