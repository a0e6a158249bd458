/** Bounds how much retries add to the load of what fails: gRPC's retry throttling (gRFC A6). */
export interface RetryBudget {
  /** A call came through. */
  succeeded(): void;
  /** A call failed and would be made again. Answers whether it may. */
  take(): boolean;
}

const maxTokens = 100;
/** What a success gives back: one retry for ten calls that came through, in the long run. */
const ratio = 0.1;

/** Every failure takes a token; at less than half of them nothing is retried until successes have refilled it. */
export function createRetryBudget(): RetryBudget {
  let tokens = maxTokens;
  return {
    succeeded() {
      if (tokens < maxTokens) tokens = Math.min(maxTokens, tokens + ratio);
    },
    take() {
      tokens = Math.max(0, tokens - 1);
      return tokens > maxTokens / 2;
    },
  };
}
