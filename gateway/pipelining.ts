import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Unanswered requests that a connection may have. Browsers have one, libraries that pipeline have about ten. */
const maxPipelined = 64;

/**
 * Cuts a connection that sends request upon request without waiting for answers: Node hands over all that stand in what
 * it has read at once, some thousand small ones, before anybody else has a turn.
 */
export function boundPipelining(server: Server): void {
  const listeners = server.listeners("request") as RequestListener[];
  const unanswered = new WeakMap<Socket, number>();

  function answered(this: ServerResponse): void {
    const { socket } = this.req;
    unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1);
  }

  server.removeAllListeners("request");
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // What had been read with the request that was too much still comes.
    if (socket.destroyed) return;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > maxPipelined) {
      socket.destroy();
      return;
    }
    unanswered.set(socket, count);
    response.once("close", answered);
    for (const listener of listeners) listener(request, response);
  });
}
