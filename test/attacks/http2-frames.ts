import { connect, type Socket } from "node:net";

/** HTTP/2 by the byte, for what no library sends. */

export const frameTypes = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, endHeaders: 4 } as const;

export function frame(
  type: number,
  flag: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header by its name and value, not indexed and not compressed. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

function text(value: string): Buffer {
  const length =
    value.length < 127
      ? [value.length]
      : [127, ((value.length - 127) & 127) | 128, (value.length - 127) >> 7];
  return Buffer.concat([Buffer.from(length), Buffer.from(value)]);
}

/** The headers of a gRPC call. */
export function callHeaders(path: string, token = ""): Buffer {
  return Buffer.concat([
    literal(":method", "POST"),
    literal(":scheme", "http"),
    literal(":path", path),
    literal(":authority", "x"),
    literal("content-type", "application/grpc"),
    literal("te", "trailers"),
    literal("authorization", `Bearer ${token}`),
  ]);
}

export interface FrameSocket {
  /** Resolves when the server has ended the connection. */
  readonly ended: Promise<void>;
  /** Bytes received. */
  readonly received: number;
  write(...frames: Uint8Array[]): Promise<void>;
  pause(): void;
  drop(): void;
}

/** A connection past its preface. `settings` are pairs of id and value. */
export async function openHttp2(
  url: string,
  settings: readonly [number, number][] = [],
): Promise<FrameSocket> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  let received = 0;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    received += chunk.length;
  });
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  const payload = Buffer.concat(
    settings.map(([id, value]) => {
      const setting = Buffer.alloc(6);
      setting.writeUInt16BE(id);
      setting.writeUInt32BE(value, 2);
      return setting;
    }),
  );
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(frameTypes.settings, 0, 0, payload));
  return {
    ended,
    get received() {
      return received;
    },
    write: (...frames) =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once("close", () => resolve());
        socket.write(Buffer.concat(frames), () => resolve());
      }),
    pause: () => socket.pause(),
    drop: () => socket.destroy(),
  };
}
