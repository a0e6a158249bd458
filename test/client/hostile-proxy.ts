import { connect, createServer, type Socket } from "node:net";
import { asksForWebSocket, createFrameCutter } from "./frame-cutter.ts";

/** A TCP proxy before a Parley that treats what passes as bad networks do. */
export interface HostileProxy {
  readonly url: string;
  /** What it does from now on. */
  set(harm: Harm): void;
  /** Ends a connection, if there is one, in the middle of what it carries. */
  cut(): void;
  /** Refuses WebSockets from now on, as some companies' proxies do, or no more. */
  refuseUpgrades(isOn: boolean): void;
  /** What it has done. */
  readonly counts: { cuts: number; doubled: number; dropped: number; delayed: number; refused: number };
  [Symbol.asyncDispose](): Promise<void>;
}

/** Chances between 0 and 1, of each WebSocket frame. */
export interface Harm {
  /** A frame, either way, comes twice. */
  readonly double: number;
  /** A frame with an event, to the client, gets lost. */
  readonly dropEvent: number;
  /** What comes after waits, for up to 30 ms. */
  readonly delay: number;
}

const harmless: Harm = { double: 0, dropEvent: 0, delay: 0 };
const maxDelayMs = 30;
/** The tag of ServerFrame.event. */
const eventTag = 0x32;

export async function startHostileProxy(target: string): Promise<HostileProxy> {
  const { port: targetPort } = new URL(target);
  const open = new Set<{ client: Socket; server: Socket; cutNext: boolean }>();
  const counts = { cuts: 0, doubled: 0, dropped: 0, delayed: 0, refused: 0 };
  let harm = harmless;
  let refusesUpgrades = false;

  const listener = createServer((client) => {
    const server = connect(Number(targetPort), "127.0.0.1");
    const pair = { client, server, cutNext: false };
    open.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    const end = () => {
      open.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on("error", end);
      socket.on("close", end);
    }
    const toServer = relay(client, server, pair, false);
    const toClient = relay(server, client, pair, true);
    client.on("data", (chunk) => {
      if (refusesUpgrades && asksForWebSocket(chunk)) {
        counts.refused += 1;
        client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        server.destroy();
        return;
      }
      toServer(chunk);
    });
    server.on("data", toClient);
  });

  /** Passes on in order; a delay holds up what comes after it too. */
  function relay(from: Socket, to: Socket, pair: { cutNext: boolean }, isToClient: boolean) {
    const cutter = createFrameCutter();
    let count = 0;
    let ready = Promise.resolve();
    let isWaiting = 0;

    function write(bytes: Buffer): void {
      if (to.destroyed) return;
      if (pair.cutNext) {
        counts.cuts += 1;
        to.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => to.destroy());
        from.destroy();
        return;
      }
      if (to.write(bytes)) return;
      from.pause();
      to.once("drain", () => from.resume());
    }

    function pass(bytes: Buffer, waitMs: number): void {
      if (waitMs === 0 && isWaiting === 0) {
        write(bytes);
        return;
      }
      isWaiting += 1;
      ready = ready
        .then(() => new Promise<void>((resolve) => void setTimeout(resolve, waitMs)))
        .then(() => {
          isWaiting -= 1;
          write(bytes);
        });
    }

    return (chunk: Buffer) => {
      const out: Buffer[] = [];
      let waitMs = 0;
      for (const { bytes, payload, isFrame } of cutter.cut(chunk)) {
        if (!isFrame) {
          out.push(bytes);
          continue;
        }
        count += 1;
        if (isToClient && payload[0] === eventTag && Math.random() < harm.dropEvent) {
          counts.dropped += 1;
          continue;
        }
        out.push(bytes);
        // The hello is said once: a second one is refused.
        if ((isToClient || count > 1) && Math.random() < harm.double) {
          counts.doubled += 1;
          out.push(bytes);
        }
        if (Math.random() < harm.delay) {
          counts.delayed += 1;
          waitMs = Math.random() * maxDelayMs;
        }
      }
      if (out.length > 0) pass(Buffer.concat(out), waitMs);
    };
  }

  await new Promise<void>((resolve) => void listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  return {
    url: `http://127.0.0.1:${address.port}`,
    counts,
    set(next) {
      harm = next;
    },
    cut() {
      const all = [...open];
      const chosen = all[Math.floor(Math.random() * all.length)];
      if (chosen) chosen.cutNext = true;
    },
    refuseUpgrades(isOn) {
      refusesUpgrades = isOn;
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of open) {
        client.destroy();
        server.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
