import { pause } from "./abort.ts";
import { openSocket } from "./websocket-link.ts";

export type Via = "websocket" | "subscribe";

/**
 * By what to connect: by WebSocket; by Subscribe after WebSockets failed twice in a row without a word of the server's,
 * as behind a proxy that lets none through; and by WebSocket again as soon as one can be opened, which is tried now and
 * then.
 */
export interface Route {
  next(): Via;
  /** It was no connection. `wasHeard`: the server itself said so. */
  failed(via: Via, wasHeard: boolean): void;
  /** It is one, until the signal. `leave` is called when there is a better way. */
  worked(via: Via, signal: AbortSignal, leave: () => void): void;
}

export interface RouteDeps {
  readonly transport: "auto" | Via;
  /** Whether a WebSocket can be opened now. */
  probe(signal: AbortSignal): Promise<boolean>;
}

const failuresBeforeFallback = 2;
const firstProbeMs = 5_000;
const lastProbeMs = 600_000;

export function createRoute({ transport, probe }: RouteDeps): Route {
  let failures = 0;
  let probeMs = firstProbeMs;

  async function watch(signal: AbortSignal, leave: () => void): Promise<void> {
    while (!signal.aborted) {
      await pause(probeMs * (0.75 + Math.random() / 2), signal);
      if (signal.aborted) return;
      probeMs = Math.min(probeMs * 2, lastProbeMs);
      if (await probe(signal)) {
        // If it fails all the same, Subscribe is next again.
        failures = failuresBeforeFallback - 1;
        leave();
      }
    }
  }

  return {
    next() {
      if (transport !== "auto") return transport;
      return failures < failuresBeforeFallback ? "websocket" : "subscribe";
    },
    failed(via, wasHeard) {
      if (via === "subscribe") failures = 0;
      else if (!wasHeard) failures += 1;
    },
    worked(via, signal, leave) {
      if (via === "websocket") {
        failures = 0;
        probeMs = firstProbeMs;
      } else if (transport === "auto") void watch(signal, leave);
    },
  };
}

/** Opens a WebSocket and closes it again. */
export function createWebSocketProbe(baseUrl: string, timeoutMs = 10_000): RouteDeps["probe"] {
  return async (signal) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = openSocket(baseUrl);
    const give = () => resolve(false);
    const timer = setTimeout(give, timeoutMs);
    signal.addEventListener("abort", give, { once: true });
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
    socket.onclose = () => resolve(false);
    const couldOpen = await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", give);
    socket.close();
    return couldOpen && !signal.aborted;
  };
}
