import { randomBytes } from "node:crypto";
import { openRaw, type RawSocket } from "../conformance/raw-socket.ts";

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

export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

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

export interface FrameSocket extends Pick<RawSocket, "ended" | "drop"> {
  write(...frames: Uint8Array[]): Promise<void>;
  /** Resolves when so many calls have the head of an answer or a reset, or the connection has ended. */
  answered(calls: number): Promise<void>;
  /** Resolves when the server has read all that was written before, or has ended the connection. */
  ping(): Promise<void>;
}

/** A connection past its preface. `settings` are pairs of id and value. */
export async function openHttp2(
  url: string,
  settings: readonly [number, number][] = [],
): Promise<FrameSocket> {
  const { ended, until, drop, write } = await openRaw(url);
  const payload = Buffer.concat(
    settings.map(([id, value]) => {
      const setting = Buffer.alloc(6);
      setting.writeUInt16BE(id);
      setting.writeUInt32BE(value, 2);
      return setting;
    }),
  );
  void write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  void write(frame(frameTypes.settings, 0, 0, payload));
  return {
    ended,
    drop,
    write: (...frames) => write(Buffer.concat(frames)),
    answered: (calls) => until((received) => answeredIn(received) >= calls),
    async ping() {
      const data = randomBytes(8);
      void write(frame(frameTypes.ping, 0, 0, data));
      await until(frame(frameTypes.ping, flags.ack, 0, data).toString("latin1"));
    },
  };
}

/** How many streams have the head of an answer or a reset in what was received. */
function answeredIn(received: string): number {
  const bytes = Buffer.from(received, "latin1");
  const streams = new Set<number>();
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const type = bytes.readUInt8(at + 3);
    if (type === frameTypes.headers || type === frameTypes.rstStream) streams.add(bytes.readUInt32BE(at + 5));
  }
  return streams.size;
}
