/**
 * The bare loop: `ws` and an SQLite group commit on a worker thread, and no product around it. It speaks as much of the
 * realtime protocol as the load generator needs and does per message what no durable chat can leave out: number it under
 * the room's head, insert it, note it as to be published, commit, ack, and write its event to the room's connections.
 *
 * It is written as fast as we know how: frames are built by hand and framed once, a turn's frames leave in one write,
 * batches of at most 64 with two under way (more at once makes the two threads take turns).
 */
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { type WebSocket, WebSocketServer } from "ws";

const maxBatch = 64;
const underWay = 2;

interface Send {
  connection: Connection;
  ref: string;
  roomId: string;
  clientId: string;
  text: string;
}

interface Connection {
  socket: Socket;
  out: Buffer[];
}

const worker = new Worker(new URL("./bare-commit-worker.ts", import.meta.url), {
  workerData: process.argv[2],
});
const rooms = new Map<string, Set<Connection>>();
const waiting: Send[] = [];
const committing: Send[][] = [];
const dirty = new Set<Connection>();

function commit(): void {
  while (committing.length < underWay && waiting.length > 0) {
    const batch = waiting.splice(0, maxBatch);
    committing.push(batch);
    worker.postMessage(batch.map(({ roomId, clientId, text }) => [roomId, clientId, text]));
  }
}

worker.on("message", (results: [seq: number, at: number][]) => {
  const batch = committing.shift() as Send[];
  commit();
  results.forEach(([seq, at], i) => {
    const { connection, ref, roomId, clientId, text } = batch[i] as Send;
    const time = new Date(at).toISOString();
    write(
      connection,
      frame(`{"ref":"${ref}","ack":{"roomId":"${roomId}","seq":"${seq}","at":"${time}","replayed":false}}`),
    );
    const event = frame(
      `{"event":{"roomId":"${roomId}","seq":"${seq}","actorId":"${clientId}","at":"${time}","messagePosted":` +
        `{"clientId":"${clientId}","text":"${text}","erased":false}}}`,
    );
    for (const member of rooms.get(roomId) ?? []) write(member, event);
  });
});

function write(connection: Connection, bytes: Buffer): void {
  connection.out.push(bytes);
  if (dirty.size === 0) setImmediate(flush);
  dirty.add(connection);
}

function flush(): void {
  for (const { socket, out } of dirty) {
    socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
    out.length = 0;
  }
  dirty.clear();
}

function frame(json: string): Buffer {
  const size = Buffer.byteLength(json);
  const start = size < 126 ? 2 : 4;
  const bytes = Buffer.allocUnsafe(start + size);
  bytes[0] = 0x81;
  bytes[1] = Math.min(size, 126);
  if (size >= 126) bytes.writeUInt16BE(size, 2);
  bytes.write(json, start);
  return bytes;
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const server = createServer();
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (ws: WebSocket) => {
    const connection: Connection = { socket: socket as Socket, out: [] };
    (socket as Socket).setNoDelay(true);
    ws.on("error", () => {});
    ws.on("message", (data: Buffer) => {
      const { ref, hello, send } = JSON.parse(data.toString());
      if (hello) {
        // The token is the room: there is no account here.
        const room = rooms.get(hello.accessToken) ?? new Set();
        rooms.set(hello.accessToken, room.add(connection));
        write(connection, frame(`{"ref":"${ref}","ready":{}}`));
      } else {
        waiting.push({ connection, ref, roomId: send.roomId, clientId: send.clientId, text: send.text });
        commit();
      }
    });
  });
});
server.listen(0, "127.0.0.1", () =>
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })),
);
process.on("SIGTERM", () => process.exit(0));
