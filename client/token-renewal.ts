import type { SessionKeeper } from "./session.ts";

/** Has the token replaced before its end; the new one is then told to the server. */
export function renewInTime(session: SessionKeeper, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout>;
  const plan = () => {
    const { renewAt = 0 } = session.tokens.get() ?? {};
    timer = setTimeout(renew, Math.max(renewAt - Date.now(), 0) + 1_000);
  };
  const renew = () => {
    session
      .accessToken(signal)
      .catch(() => {
        // Tried again soon, until the server ends the connection.
      })
      .finally(() => {
        if (!signal.aborted) plan();
      });
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  plan();
}
