import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/**
 * A WebSocket client that costs next to nothing, so that a benchmark on one machine measures the server: no masking work
 * (the key is zero, which RFC 6455 allows), no copies, frames handed out as slices of what was read.
 */
export interface BenchSocket {
  send(text: string): void;
  /** Frames written within the callback leave in one write. */
  batch(write: () => void): void;
  onFrame: (payload: Buffer) => void;
  close(): void;
}

export function openBenchSocket(url: URL, protocol: string): Promise<BenchSocket> {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  socket.write(
    [
      `GET ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Protocol: ${protocol}`,
      "\r\n",
    ].join("\r\n"),
  );
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onHead);
      if (!head.toString("latin1").startsWith("HTTP/1.1 101")) {
        reject(new Error(`no upgrade: ${head.toString("utf8").slice(0, 500)}`));
        socket.destroy();
        return;
      }
      socket.off("error", reject);
      resolve(framed(socket, head.subarray(end + 4)));
    };
    socket.on("data", onHead);
    socket.on("error", reject);
  });
}

function framed(socket: Socket, first: Buffer): BenchSocket {
  let rest = first;
  const client: BenchSocket = {
    send: (text) => void socket.write(maskedText(text)),
    batch(write) {
      socket.cork();
      write();
      socket.uncork();
    },
    onFrame: () => {},
    close: () => void socket.destroy(),
  };
  const take = (chunk: Buffer) => {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const frame = frameAt(data);
      if (!frame) break;
      if (frame.opcode === 0x9) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      else if (frame.opcode < 0x8) client.onFrame(frame.payload);
      data = data.subarray(frame.length);
    }
    rest = data;
  };
  socket.on("data", take);
  socket.on("error", () => socket.destroy());
  if (first.length > 0) {
    rest = Buffer.alloc(0);
    setImmediate(() => take(first));
  }
  return client;
}

function frameAt(data: Buffer): { opcode: number; payload: Buffer; length: number } | undefined {
  if (data.length < 2) return undefined;
  const opcode = (data[0] as number) & 0xf;
  let size = (data[1] as number) & 0x7f;
  let start = 2;
  if (size === 126) {
    if (data.length < 4) return undefined;
    size = data.readUInt16BE(2);
    start = 4;
  } else if (size === 127) {
    if (data.length < 10) return undefined;
    size = Number(data.readBigUInt64BE(2));
    start = 10;
  }
  if (data.length < start + size) return undefined;
  return { opcode, payload: data.subarray(start, start + size), length: start + size };
}

function maskedText(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const start = size < 126 ? 6 : 8;
  const frame = Buffer.allocUnsafe(start + size);
  frame[0] = 0x81;
  if (size < 126) {
    frame[1] = 0x80 | size;
  } else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  }
  frame.fill(0, start - 4, start);
  frame.write(text, start, "utf8");
  return frame;
}
