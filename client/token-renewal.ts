import { backoffMs } from "./backoff.ts";
import type { SessionKeeper } from "./session.ts";

/** Has the token replaced before its end; the new one is then told to the server. */
export function renewInTime(session: SessionKeeper, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout>;
  let failures = 0;
  const plan = () => {
    const { renewAt = 0 } = session.tokens.get() ?? {};
    const ms = renewAt - Date.now();
    if (ms > 0) failures = 0;
    // Tried again until the server ends the connection, and not by all clients at once.
    const waitMs = ms > 0 ? ms : backoffMs(failures++);
    timer = setTimeout(renew, waitMs + 1_000);
  };
  const renew = () => {
    session
      .accessToken(signal)
      .catch(() => {})
      .finally(() => {
        if (!signal.aborted) plan();
      });
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  plan();
}
