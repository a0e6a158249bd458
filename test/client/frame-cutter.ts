/** A part of what one side of a connection sends: a WebSocket frame, or what came before the first. */
export interface Part {
  readonly bytes: Buffer;
  /** What the frame carries; masked if it is a client's. */
  readonly payload: Buffer;
  readonly isFrame: boolean;
}

/** Cuts what passes by into WebSocket frames, once an upgrade is done; plain HTTP passes as it comes. */
export function createFrameCutter(): { cut(chunk: Buffer): Part[] } {
  let isUpgraded = false;
  let rest: Buffer = Buffer.alloc(0);

  return {
    cut(chunk) {
      const parts: Part[] = [];
      if (isUpgraded) rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      else {
        // Calls may have gone by this connection before; heads are small enough to come in one piece.
        const end = asksForWebSocket(chunk) ? chunk.indexOf("\r\n\r\n") + 4 : chunk.length;
        isUpgraded = end < chunk.length || asksForWebSocket(chunk);
        parts.push(plain(chunk.subarray(0, end)));
        rest = chunk.subarray(end);
      }
      for (let size = sizeOf(rest); size && rest.length >= size.head + size.body; size = sizeOf(rest)) {
        const bytes = rest.subarray(0, size.head + size.body);
        parts.push({ bytes, payload: bytes.subarray(size.head), isFrame: true });
        rest = rest.subarray(bytes.length);
      }
      return parts;
    },
  };
}

export function asksForWebSocket(head: Buffer): boolean {
  return /^upgrade: websocket\r$/im.test(head.toString("latin1"));
}

function plain(bytes: Buffer): Part {
  return { bytes, payload: Buffer.alloc(0), isFrame: false };
}

/** Of the frame that begins here, if enough of it is there. */
function sizeOf(buffer: Buffer): { head: number; body: number } | undefined {
  if (buffer.length < 2) return undefined;
  const mask = buffer[1]! & 0x80 ? 4 : 0;
  const short = buffer[1]! & 0x7f;
  if (short < 126) return { head: 2 + mask, body: short };
  const bytes = short === 126 ? 2 : 8;
  if (buffer.length < 2 + bytes) return undefined;
  const body = short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
  return { head: 2 + bytes + mask, body };
}
