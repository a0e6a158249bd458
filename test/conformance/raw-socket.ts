import { randomBytes } from "node:crypto";
import { connect } from "node:net";

/** Bytes on a TCP connection, for what no honest client sends. */
export interface RawSocket {
  /** Everything received, as Latin-1. */
  readonly received: string;
  /** Resolves with everything received once the server has ended the connection. */
  readonly ended: Promise<string>;
  /** Resolves when the kernel or the connection's end has taken the bytes. */
  write(data: string | Uint8Array): Promise<void>;
  /** Waits until this was received, or holds of what was, or the connection ended. */
  until(what: string | ((received: string) => boolean)): Promise<void>;
  pause(): void;
  drop(): void;
}

export async function openRaw(url: string): Promise<RawSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = "";
  let isEnded = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const each of waiting) each();
  };
  const ended = new Promise<string>((resolve) => {
    socket.once("close", () => {
      isEnded = true;
      wake();
      resolve(received);
    });
  });
  socket.on("error", () => {});
  socket.on("data", (data) => {
    received += data.toString("latin1");
    wake();
  });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return {
    get received() {
      return received;
    },
    ended,
    write: (data) => new Promise((resolve) => socket.write(data, () => resolve())),
    until: (what) =>
      new Promise((resolve) => {
        const holds = typeof what === "string" ? () => received.includes(what) : () => what(received);
        const look = () => {
          if (!isEnded && !holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    pause: () => socket.pause(),
    drop: () => socket.destroy(),
  };
}

/** One request by itself; resolves with the whole answer. */
export async function rawRequest(url: string, bytes: string | Uint8Array): Promise<string> {
  const socket = await openRaw(url);
  void socket.write(bytes);
  return socket.ended;
}

/** The headers of a WebSocket handshake, but those given as undefined. */
export function handshake(
  url: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  requestLine = "GET /v1/realtime HTTP/1.1",
): string {
  const all = {
    Host: new URL(url).host,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Protocol": "parley.v1.json",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}`,
  );
  return `${[requestLine, ...lines].join("\r\n")}\r\n\r\n`;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A WebSocket frame as a client sends it, or wrongly. */
export function frameOf(
  opcode: number,
  payload: string | Uint8Array,
  how: { fin?: boolean; masked?: boolean; reserved?: number; length?: number } = {},
): Buffer {
  const { fin = true, masked = true, reserved = 0 } = how;
  const data = Buffer.from(payload as string);
  const length = how.length ?? data.length;
  const maskBit = masked ? 0x80 : 0;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = maskBit | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  // A key of zeros masks nothing, and is as good as another.
  return Buffer.concat([head, ...(masked ? [Buffer.alloc(4)] : []), data]);
}

/** The close code of the last frame received, if it is a close. */
export function closeCodeOf(received: string): number | undefined {
  const at = received.lastIndexOf("\x88");
  return at < 0 ? undefined : Buffer.from(received.slice(at), "latin1").readUInt16BE(2);
}
