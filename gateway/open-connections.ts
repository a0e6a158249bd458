import { readFileSync } from "node:fs";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { networkOf } from "../services/common/client-network.ts";
import type { ClientReader } from "./clients.ts";

/**
 * How many connections may be open, by network address and in all, and how slowly their answers may be read. What is
 * over a bound is closed without a word, which is all that costs nothing.
 *
 * A trusted proxy's connections are not its own: there the WebSockets are counted, by the address that it names.
 */
export interface OpenConnections {
  /** Counts what is connected to the server, together with all others that are guarded. */
  guard(server: Server): void;
  /** Counts what came through a proxy against the client's address until it closes. False if that has too many. */
  admitProxied(address: string, socket: Duplex): boolean;
  /** For a socket that has left HTTP and whose pace is watched elsewhere. */
  release(socket: Duplex): void;
  close(): void;
}

export interface OpenConnectionsDeps {
  clients: ClientReader;
  maxPerAddress: number | undefined;
  max: number | undefined;
  /** For tests. */
  intervalMs?: number;
}

/** Files that are not connections: databases, logs, the mesh. */
const otherFiles = 200;
/** How often it is looked at who reads, and how much of what waits must have left meanwhile. */
const paceIntervalMs = 15_000;
const minBytesPerInterval = 16 * 1024;

export function createOpenConnections(deps: OpenConnectionsDeps): OpenConnections {
  const { clients, maxPerAddress = Number.POSITIVE_INFINITY } = deps;
  const max = Math.min(deps.max ?? Number.POSITIVE_INFINITY, spareFiles());
  let all = 0;
  const open = new Map<string, number>();
  /** Those that speak HTTP, with how much they had sent when last seen waiting; less than 0 if nothing waited. */
  const pace = new Map<Duplex, number>();

  function count(address: string | undefined, socket: Duplex): boolean {
    const network = networkOf(address);
    const before = open.get(network) ?? 0;
    if (before >= maxPerAddress) return false;
    open.set(network, before + 1);
    socket.once("close", () => {
      const left = (open.get(network) ?? 1) - 1;
      if (left > 0) open.set(network, left);
      else open.delete(network);
    });
    return true;
  }

  function follow(socket: Socket): void {
    pace.set(socket, -1);
    socket.once("close", () => pace.delete(socket));
  }

  const timer = setInterval(() => {
    for (const [socket, before] of pace as Map<Socket, number>) {
      const sent = socket.bytesWritten - socket.writableLength;
      const isStuck = before >= 0 && sent - before < minBytesPerInterval;
      if (socket.writableLength === 0) pace.set(socket, -1);
      else if (isStuck) socket.destroy();
      else pace.set(socket, sent);
    }
  }, deps.intervalMs ?? paceIntervalMs).unref();

  return {
    guard(server) {
      server.on("connection", (socket: Socket) => {
        all += 1;
        socket.once("close", () => {
          all -= 1;
        });
        const isProxy = clients.isProxy(socket.remoteAddress);
        if (all <= max && (isProxy || count(socket.remoteAddress, socket))) return;
        // It may have been reset already, and what resets it later must not end the process.
        socket.on("error", () => {});
        socket.destroy();
      });
      server.on(isTls(server) ? "secureConnection" : "connection", follow);
    },
    admitProxied: count,
    release: (socket) => void pace.delete(socket),
    close: () => clearInterval(timer),
  };
}

function isTls(server: Server): boolean {
  return "setSecureContext" in server;
}

/** How many more files the process may open, as far as the system says. Without them not even a database opens. */
function spareFiles(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(limit) - otherFiles);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
