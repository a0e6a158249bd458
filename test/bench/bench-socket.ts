import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/**
 * A WebSocket client that costs next to nothing, so that a benchmark on one machine measures the server: no masking work
 * (the key is zero, which RFC 6455 allows), no copies, frames handed out as slices of what was read.
 */
export interface BenchSocket {
  send(text: string): void;
  /** Bytes that are frames already, masked with a key of zero. */
  write(frames: Buffer): void;
  /** Frames written within the callback leave in one write. */
  batch(write: () => void): void;
  /** The payload is `data` from `start` to `end`, for as long as the call lasts. */
  onFrame: (data: Buffer, start: number, end: number) => void;
  close(): void;
}

/** What all of them read into, one after the other. */
const received = Buffer.alloc(65_536);

export function openBenchSocket(url: URL, protocol: string): Promise<BenchSocket> {
  let take = (_chunk: Buffer): void => {};
  const socket = connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer: received,
      callback(length) {
        take(received.subarray(0, length));
        return true;
      },
    },
  });
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
    take = (chunk) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      // Nobody has said hello: there is nothing behind the head.
      if (!head.toString("latin1").startsWith("HTTP/1.1 101") || head.length > end + 4) {
        reject(new Error(`no upgrade: ${head.toString("utf8").slice(0, 500)}`));
        socket.destroy();
        return;
      }
      socket.off("error", reject);
      const framed = createFramed(socket);
      take = framed.take;
      resolve(framed.client);
    };
    socket.on("error", reject);
  });
}

function createFramed(socket: Socket): { client: BenchSocket; take(chunk: Buffer): void } {
  let rest: Buffer = Buffer.alloc(0);
  const client: BenchSocket = {
    send: (text) => void socket.write(maskedText(text)),
    write: (frames) => void socket.write(frames),
    batch(write) {
      socket.cork();
      write();
      socket.uncork();
    },
    onFrame: () => {},
    close: () => void socket.destroy(),
  };
  const take = (chunk: Buffer) => {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const start = payloadStart(data, at);
      const end = start + payloadSize(data, at);
      if (!(end <= data.length)) break;
      const opcode = (data[at] as number) & 0xf;
      if (opcode === 0x9) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      else if (opcode < 0x8) client.onFrame(data, start, end);
      at = end;
    }
    // A copy: the next read is into the same memory.
    if (at < data.length) rest = Buffer.from(data.subarray(at));
    else if (rest.length > 0) rest = Buffer.alloc(0);
  };
  socket.on("error", () => socket.destroy());
  return { client, take };
}

/** Where the payload of the frame at `at` begins; the server's frames are not masked. */
function payloadStart(data: Buffer, at: number): number {
  const size = (data[at + 1] ?? 0) & 0x7f;
  return at + (size < 126 ? 2 : size === 126 ? 4 : 10);
}

/** NaN if the header isn't there yet. */
function payloadSize(data: Buffer, at: number): number {
  if (payloadStart(data, at) > data.length) return Number.NaN;
  const size = (data[at + 1] as number) & 0x7f;
  if (size < 126) return size;
  return size === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
}

export function maskedText(text: string): Buffer {
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
