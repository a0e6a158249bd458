import type { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import type { Client } from "./connect-protocol.ts";
import { toParleyError, unavailableError } from "./errors.ts";
import type { OpenLink } from "./frames.ts";

/** Realtime by the stream Subscribe, for where no WebSocket can be opened. What one does goes by calls. */
export function createSubscribeLinks(realtime: Client<typeof RealtimeService>): OpenLink {
  return (greeting, accessToken, handlers) => {
    const ending = new AbortController();

    async function read(): Promise<void> {
      let error = unavailableError("the stream ended");
      const headers = { authorization: `Bearer ${accessToken}` };
      try {
        for await (const { frame } of realtime.subscribe(greeting, { signal: ending.signal, headers })) {
          if (ending.signal.aborted) return;
          if (frame) handlers.onFrame(frame);
        }
      } catch (reason) {
        error = toParleyError(reason);
      }
      if (ending.signal.aborted) return;
      ending.abort();
      handlers.onEnd(error);
    }

    void read();
    return {
      transport: "subscribe",
      isTwoWay: false,
      send() {},
      close: () => ending.abort(),
    };
  };
}
