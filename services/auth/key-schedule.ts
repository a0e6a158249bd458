/** When signing keys are made, used and forgotten; all in ms. */
export interface KeySchedule {
  /** How long a key signs. */
  readonly rotationMs: number;
  /** How long it is published before: no shorter than anyone may cache the key set. */
  readonly leadMs: number;
  /** How long a token lives that it signed. */
  readonly tokenLifetimeMs: number;
}

interface ScheduledKey {
  readonly kid: string;
  readonly activates_at: number;
}

/** The key that is due to be made. */
export interface SuccessorPlan {
  /** From when on it signs. */
  readonly activatesAt: number;
  /** Whom it follows; nobody if it is the first. */
  readonly retires: string | undefined;
}

/**
 * Whether a key has to be made now. The first one signs at once, since nobody has cached a key set without it. After a
 * long pause the old key goes on for one lead.
 */
export function planSuccessor(
  keys: readonly ScheduledKey[],
  now: number,
  { rotationMs, leadMs }: KeySchedule,
): SuccessorPlan | undefined {
  const newest = keys.at(-1);
  if (newest === undefined) return { activatesAt: now, retires: undefined };
  const due = newest.activates_at + rotationMs;
  if (now < due - leadMs) return undefined;
  return { activatesAt: Math.max(due, now + leadMs), retires: newest.kid };
}

/** Keys that retired before this moment verify nothing any more; a lead is added for replicas that came late. */
export function retiredLongAgo(now: number, { leadMs, tokenLifetimeMs }: KeySchedule): number {
  return now - tokenLifetimeMs - leadMs;
}
