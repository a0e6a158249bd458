/** How far behind a connection is in one log. */
export interface Lag {
  /** The last seq that the connection has. */
  after: number;
  /** The seq with which it ends, when the person is no longer in the room. */
  until: number | undefined;
  /** Say `caughtUp` at the end. */
  announce: boolean;
  /** More missed items than this are left out with a gap. */
  maxReplay: number;
  /** Where it goes on after `until`: the person joined again. */
  next: Lag | undefined;
}

/** A reader that fell behind while connected is brought up from the log as long as it is no further behind. */
const maxReplayOfSlow = 10_000;

/** The lag of a connection that fell behind without asking for it. */
export function lagFrom(after: number): Lag {
  return { after, until: undefined, announce: false, maxReplay: maxReplayOfSlow, next: undefined };
}

/** The end of the chain: the person's present, or last, part in the log. */
export function lastOf(lag: Lag): Lag {
  let end = lag;
  while (end.next) end = end.next;
  return end;
}
