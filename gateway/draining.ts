import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * The last moments of a server whose clients keep connections open. To close one that is idle is to lose the request
 * that is on its way just then. So each answer first says that it is the last one of its connection, to whoever asks
 * within a moment; then those that stayed idle are closed.
 */
export interface Draining {
  /** Begins it. Resolves after that moment, or once nobody is connected who speaks HTTP. */
  start(forMs: number): Promise<void>;
}

/** To be called last of all that looks at the server's requests. */
export function prepareDraining(server: Server): Draining {
  /** Connections that speak HTTP. */
  const open = new Set<Socket>();
  /** The newest response of each, until it is done. */
  const newest = new Map<Socket, ServerResponse>();
  let draining = false;
  let onEmpty: (() => void) | undefined;

  function forget(socket: Socket): void {
    open.delete(socket);
    newest.delete(socket);
    if (open.size === 0) onEmpty?.();
  }

  function done(this: ServerResponse): void {
    const { socket } = this.req;
    if (newest.get(socket) === this) newest.delete(socket);
  }

  server.on("setSecureContext" in server ? "secureConnection" : "connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => forget(socket));
  });
  server.on("upgrade", ({ socket }: IncomingMessage) => forget(socket));
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    if (draining) {
      response.setHeader("connection", "close");
      return;
    }
    newest.set(request.socket, response);
    response.once("close", done);
  });

  return {
    start(forMs) {
      draining = true;
      for (const response of newest.values()) {
        if (!response.headersSent) response.setHeader("connection", "close");
      }
      if (open.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, forMs);
        onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
