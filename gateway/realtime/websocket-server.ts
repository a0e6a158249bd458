import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { ClientFrame } from "#gen/parley/realtime/v1/frames_pb.js";
import { InvalidArgumentError } from "../../services/common/errors.ts";
import { refuseOnSocket } from "../socket-refusal.ts";
import { closeCauses } from "./close-codes.ts";
import { BadFrameError, decodeBinary, decodeJson, type Format, RefusedFrameError } from "./codec.ts";
import type { Connection } from "./connection.ts";
import type { FrameSink } from "./frame-sink.ts";
import type { Frames } from "./server-frame.ts";
import { pingFrame } from "./websocket-frame.ts";

/** 128 KiB, api.md's bound of a frame; a larger one is refused by the WebSocket layer with 1009. */
const maxFrame = 128 * 1024;
/** How long a client may take to answer a close before its socket is destroyed. */
const closeGraceMs = 3000;

const formats: Record<string, Format> = { "parley.v1.json": "json", "parley.v1.proto": "proto" };

/** What a WebSocket is told by its surroundings. */
export interface WebSocketHandlers {
  opened(sink: FrameSink, address: string): Connection;
  /** Is shown each message before it is decoded; answers whether that was all, since it is refused for overload. */
  shed(connection: Connection, data: Buffer, isBinary: boolean): boolean;
  frame(connection: Connection, frame: ClientFrame): void;
  refused(connection: Connection, ref: string | undefined, cause: unknown): void;
  /** `code` is the one that the client closed with, or of a connection that was lost. */
  closed(connection: Connection, code: number): void;
}

export interface RealtimeSocketServer {
  /** Takes over an upgrade whose path, origin and limits were checked. Answers false if the subprotocol is none of ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): boolean;
}

const connectionOf = Symbol("connection");
type Owned = WebSocket & { [connectionOf]?: Connection };

export function createRealtimeSocketServer(deps: {
  handlers: WebSocketHandlers;
  logger: Logger;
}): RealtimeSocketServer {
  const { handlers } = deps;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrame,
    perMessageDeflate: false,
    // Checked here instead, so that the client gets a goodbye.
    skipUTF8Validation: true,
    clientTracking: false,
    handleProtocols: (offered) => [...offered].find((name) => Object.hasOwn(formats, name)) ?? false,
  });

  server.on("wsClientError", (error, socket) => {
    const refusal = new InvalidArgumentError([{ field: "", description: error.message }]);
    refuseOnSocket(socket, refusal, { "sec-websocket-version": "13" });
  });

  // Shared by all sockets: a closure per socket and event would be a third of an idle connection's memory.
  function onMessage(this: Owned, data: RawData, isBinary: boolean): void {
    const connection = this[connectionOf];
    if (!connection || connection.closed) return;
    connection.silent = 0;
    const isOurs = isBinary === (connection.sink.format === "proto");
    if (isOurs && handlers.shed(connection, data as Buffer, isBinary)) return;
    if (!isOurs || !(isBinary || isUtf8(data as Buffer))) {
      connection.close(closeCauses.badFrame);
      return;
    }
    try {
      handlers.frame(
        connection,
        isBinary ? decodeBinary(data as Buffer) : decodeJson((data as Buffer).toString()),
      );
    } catch (error) {
      if (error instanceof RefusedFrameError) handlers.refused(connection, error.ref, error.cause);
      else {
        if (!(error instanceof BadFrameError))
          deps.logger.error({ err: error, connectionId: connection.id }, "a frame could not be handled");
        connection.close(closeCauses.badFrame);
      }
    }
  }
  function onPong(this: Owned): void {
    if (this[connectionOf]) this[connectionOf].silent = 0;
  }
  function onClose(this: Owned, code: number): void {
    const connection = this[connectionOf];
    if (!connection) return;
    delete this[connectionOf];
    connection.closed = true;
    handlers.closed(connection, code);
  }
  // A protocol error or a reset; close follows. Without a listener it would end the process.
  function onError(): void {}

  return {
    upgrade(request, socket, head, address) {
      const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
      if (!offered.some((name) => Object.hasOwn(formats, name))) return false;
      server.handleUpgrade(request, socket, head, (ws: Owned) => {
        const raw = socket as Socket;
        raw.setNoDelay(true);
        const connection = handlers.opened(createSocketSink(ws, raw), address);
        ws[connectionOf] = connection;
        ws.on("message", onMessage);
        ws.on("pong", onPong);
        ws.on("ping", onPong);
        ws.on("close", onClose);
        ws.on("error", onError);
        raw.on("drain", () => ws[connectionOf]?.drained());
      });
      return true;
    },
  };
}

/**
 * Writes framed bytes to the socket itself, what is due together as one write. ws's own sender would frame each message
 * for each receiver again (5 to 6 µs against 0.5); it has nothing of its own in flight, so the order holds.
 */
class SocketSink implements FrameSink {
  readonly surface = "websocket";
  readonly format: Format;
  readonly #ws: WebSocket;
  readonly #socket: Socket;

  constructor(ws: WebSocket, socket: Socket) {
    this.#ws = ws;
    this.#socket = socket;
    this.format = formats[ws.protocol] as Format;
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  get written(): number {
    return this.#socket.bytesWritten;
  }

  get received(): number {
    return this.#socket.bytesRead;
  }

  write(frames: readonly Frames[]): void {
    if (!this.#socket.writable) return;
    const { format } = this;
    const [only] = frames;
    if (frames.length === 1 && only) this.#socket.write(only.bytes(format));
    else this.#socket.write(Buffer.concat(frames.map((frame) => frame.bytes(format))));
  }

  ping(): void {
    if (this.#socket.writable) this.#socket.write(pingFrame);
  }

  pauseReading(): void {
    this.#ws.pause();
  }

  resumeReading(): void {
    this.#ws.resume();
  }

  close(code: number, reason: string): void {
    // A paused socket would never read the client's close.
    this.#ws.resume();
    this.#ws.close(code, reason);
    setTimeout(() => this.#ws.terminate(), closeGraceMs).unref();
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

function createSocketSink(ws: WebSocket, socket: Socket): FrameSink {
  return new SocketSink(ws, socket);
}
