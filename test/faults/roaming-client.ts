import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { newClientId, type Person, reasonOf } from "../conformance/api.ts";
import type { Frame } from "../conformance/frame-inbox.ts";

/** A post as its author knows it. */
export interface Post {
  readonly roomId: string;
  readonly clientId: string;
  readonly text: string;
  /** As acknowledged. */
  seq?: number;
  /** Whether it was ever answered by an error: then it was asked again later than what followed it. */
  refused: boolean;
}

/** A program that does what api.md tells programs to do: it stays connected through whichever gateway works. */
export interface RoamingClient {
  readonly person: Person;
  readonly posts: readonly Post[];
  /** What came, by room: client ids of posts by their seq; undefined for other events. */
  readonly received: ReadonlyMap<string, ReadonlyMap<number, string | undefined>>;
  /** What must not happen, in words. */
  readonly faults: readonly string[];
  /** The gateway that it is connected to; undefined while it is looking for one. */
  readonly connectedTo: string | undefined;
  /** From when its last connection ended by itself until it was ready again, ms. */
  readonly outageMs: number;
  readonly acked: number;
  /** Posts to a room; goes on until it is acknowledged. */
  post(roomId: string): void;
  readonly unanswered: number;
  /** Leaves for the gateway that it began with. */
  goHome(): void;
  stop(): Promise<void>;
}

export interface RoamingClientOptions {
  readonly person: Person;
  readonly roomIds: readonly string[];
  /** Which gateways there are; the first is the one to begin with. */
  readonly gateways: readonly string[];
}

/** A gateway that doesn't answer a ping for this long is left for another one. */
const silenceMs = 3000;
const pingMs = 500;
const retryMs = 50;
/** Errors after which the same is to be asked again. */
const passing = new Set(["UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"]);

export function startRoamingClient({ person, roomIds, gateways }: RoamingClientOptions): RoamingClient {
  const posts: Post[] = [];
  /** In the order to be asked in. */
  const open = new Map<string, Post>();
  const received = new Map(roomIds.map((roomId) => [roomId, new Map<number, string | undefined>()]));
  const heads = new Map<string, number>();
  const faults: string[] = [];
  let epoch: string | undefined;
  let live: WebSocket | undefined;
  let connectedTo: string | undefined;
  let lostAt: number | undefined;
  let outageMs = 0;
  let acked = 0;
  let stopping = false;
  let turn = 0;

  function ask(socket: WebSocket, { roomId, clientId, text }: Post): void {
    socket.send(JSON.stringify({ ref: clientId, send: { roomId, clientId, text } }));
  }

  function takeEvent({ roomId, seq, messagePosted }: Frame): void {
    const room = received.get(roomId);
    const head = heads.get(roomId);
    const at = Number(seq);
    if (room === undefined) return;
    if (head !== undefined && at !== head + 1) faults.push(`${roomId}: ${at} came after ${head}`);
    heads.set(roomId, at);
    room.set(at, messagePosted?.clientId);
  }

  function takeGap({ roomId, nextSeq, reset }: Frame): void {
    const head = heads.get(roomId) ?? 0;
    if (reset || Number(nextSeq) <= head) faults.push(`${roomId}: gap to ${nextSeq} after ${head}`);
    heads.set(roomId, Number(nextSeq) - 1);
  }

  function takeAnswer(socket: WebSocket, frame: Frame): void {
    const post = open.get(frame.ref);
    if (post === undefined) return;
    if (frame.ack) {
      post.seq = Number(frame.ack.seq);
      acked += 1;
      open.delete(post.clientId);
      return;
    }
    post.refused = true;
    if (!passing.has(reasonOf(frame.error) ?? "")) faults.push(`answered ${JSON.stringify(frame.error)}`);
    void pause(retryMs).then(() => socket === live && open.has(post.clientId) && ask(socket, post));
  }

  function takeReady(socket: WebSocket, frame: Frame, gateway: string): void {
    if (epoch !== undefined && frame.ready.epoch !== epoch) faults.push("another epoch");
    epoch = frame.ready.epoch;
    live = socket;
    connectedTo = gateway;
    if (lostAt !== undefined) outageMs = performance.now() - lostAt;
    lostAt = undefined;
    for (const post of open.values()) ask(socket, post);
  }

  function take(socket: WebSocket, frame: Frame, gateway: string): void {
    if (frame.ready) takeReady(socket, frame, gateway);
    else if (frame.event) takeEvent(frame.event);
    else if (frame.gap) takeGap(frame.gap);
    else if (frame.roomGone) faults.push("a room is gone");
    else if (frame.ref === "hello" && frame.error) takeRefusal(frame.error);
    else if (frame.ref) takeAnswer(socket, frame);
  }

  function takeRefusal(error: Frame): void {
    if (!passing.has(reasonOf(error) ?? "")) faults.push(`hello answered ${JSON.stringify(error)}`);
  }

  /** One connection, until it ends. */
  async function stay(gateway: string): Promise<void> {
    const options = { perMessageDeflate: false, handshakeTimeout: silenceMs };
    const socket = new WebSocket(`${gateway.replace("http", "ws")}/v1/realtime`, "parley.v1.json", options);
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    let heard = performance.now();
    const watch = setInterval(() => {
      if (stopping || performance.now() - heard > silenceMs) socket.terminate();
      else if (socket === live) socket.send(JSON.stringify({ ref: "ping", ping: {} }));
    }, pingMs);
    socket.once("open", () => {
      const rooms = roomIds.map((roomId) => ({ roomId, afterSeq: String(heads.get(roomId) ?? 0) }));
      const hello = { accessToken: person.accessToken, rooms, ...(epoch !== undefined && { epoch }) };
      socket.send(JSON.stringify({ ref: "hello", hello }));
    });
    socket.on("message", (data: Buffer) => {
      heard = performance.now();
      take(socket, JSON.parse(data.toString()), gateway);
    });
    await ended;
    clearInterval(watch);
    if (live !== socket) return;
    live = undefined;
    connectedTo = undefined;
    lostAt = performance.now();
  }

  async function roam(): Promise<void> {
    while (!stopping) {
      await stay(gateways[turn++ % gateways.length]!);
      await pause(retryMs);
    }
  }

  const roaming = roam();
  return {
    person,
    posts,
    received,
    faults,
    get connectedTo() {
      return connectedTo;
    },
    get outageMs() {
      return lostAt === undefined ? outageMs : performance.now() - lostAt;
    },
    get acked() {
      return acked;
    },
    get unanswered() {
      return open.size;
    },
    post(roomId) {
      const clientId = newClientId();
      const post = { roomId, clientId, text: `${posts.length}`, refused: false };
      posts.push(post);
      open.set(clientId, post);
      if (live) ask(live, post);
    },
    goHome() {
      if (connectedTo === gateways[0]) return;
      turn = 0;
      live?.terminate();
    },
    async stop() {
      stopping = true;
      live?.terminate();
      await roaming;
    },
  };
}
