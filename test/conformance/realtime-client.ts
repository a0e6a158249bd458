import { createRegistry, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { ClientFrameSchema, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";

export type Subprotocol = "parley.v1.json" | "parley.v1.proto";

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export type Frame = any;

/**
 * A client of the realtime surface that knows api.md and nothing else. Frames are JSON to the test in both
 * subprotocols, so that one suite covers both.
 */
export interface RealtimeClient {
  /** Every frame received, in order. */
  readonly frames: readonly Frame[];
  /** The close code and reason, once closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  send(frame: Frame): void;
  /** Whatever, as it is. */
  sendRaw(data: string | Uint8Array): void;
  /** Sends with a ref of its own and waits for the answer. */
  request(frame: Frame): Promise<Frame>;
  /** The first frame, received already or not, that matches and that no earlier `next` returned. */
  next(matches: (frame: Frame) => boolean, what?: string): Promise<Frame>;
  /** Waits until a frame of this kind comes that wasn't taken: `next` by the name of the oneof case. */
  kind(name: string): Promise<Frame>;
  /** The events of a room received so far. */
  events(roomId: string): Frame[];
  /** Waits until the room's event `seq` is here. */
  untilSeq(roomId: string, seq: number): Promise<void>;
  pause(): void;
  resume(): void;
  close(): void;
  /** Ends it without a close frame. */
  drop(): void;
}

interface WaitOptions {
  /** Waits for the answer with this ref, whatever it is. */
  ref?: string;
  /** Whether the frame is then no longer there for others; it is unless said otherwise. */
  take?: boolean;
}

interface Waiting {
  matches(frame: Frame): boolean;
  found(frame: Frame): void;
  fail(why: string): void;
}

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);
const timeoutMs = 10_000;

export async function openSocket(
  url: string,
  subprotocol: Subprotocol,
  headers: Record<string, string> = {},
): Promise<RealtimeClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/realtime`, subprotocol, {
    headers,
    perMessageDeflate: false,
  });
  const frames: Frame[] = [];
  const taken = new Set<Frame>();
  /** Answers by their ref: thousands may be awaited at once. */
  const answers = new Map<string, Waiting>();
  /** Who waits for a frame looks at each new one once: tens of thousands may come. */
  const waiting = new Set<Waiting>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      resolve({ code, reason: reason.toString() });
      for (const each of waiting) each.fail("closed without");
    });
  });
  socket.on("message", (data: Buffer, isBinary) => {
    const frame = isBinary ? decode(data) : JSON.parse(data.toString());
    frames.push(frame);
    const answered = answers.get(frame.ref);
    if (answered) answered.found(frame);
    else for (const each of waiting) if (!taken.has(frame) && each.matches(frame)) each.found(frame);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  let lastRef = 0;

  function wait(what: string, matches: (frame: Frame) => boolean, as: WaitOptions = {}): Promise<Frame> {
    const { ref, take = true } = as;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        waiting.delete(entry);
        if (ref !== undefined) answers.delete(ref);
      };
      const entry: Waiting = {
        matches,
        found(frame) {
          end();
          if (take) taken.add(frame);
          resolve(frame);
        },
        fail(why) {
          end();
          const last = JSON.stringify(frames.slice(-5)).slice(0, 1000);
          reject(new Error(`${why} ${what}; last frames: ${last}`));
        },
      };
      const timer = setTimeout(() => entry.fail(`after ${timeoutMs} ms no`), timeoutMs);
      waiting.add(entry);
      if (ref !== undefined) answers.set(ref, entry);
      if (socket.readyState === WebSocket.CLOSED) entry.fail("closed without");
    });
  }

  const client: RealtimeClient = {
    frames,
    closed,
    send(frame) {
      if (subprotocol === "parley.v1.json") socket.send(JSON.stringify(frame));
      else socket.send(toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, frame)));
    },
    sendRaw: (data) => socket.send(data),
    request(frame) {
      const ref = `r${++lastRef}`;
      const answer = wait(`answer to ${JSON.stringify(frame).slice(0, 200)}`, () => false, { ref });
      client.send({ ref, ...frame });
      return answer;
    },
    async next(matches, what = "such frame") {
      const here = frames.find((each) => !taken.has(each) && matches(each));
      if (here === undefined) return wait(what, matches);
      taken.add(here);
      return here;
    },
    kind: (name) => client.next((frame) => name in frame, name),
    events: (roomId) => frames.filter((frame) => frame.event?.roomId === roomId).map((frame) => frame.event),
    async untilSeq(roomId, seq) {
      const reaches = (frame: Frame) => frame.event?.roomId === roomId && Number(frame.event.seq) >= seq;
      if (!frames.some(reaches)) await wait(`event ${seq}`, reaches, { take: false });
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.close(),
    drop: () => socket.terminate(),
  };
  return client;
}

function decode(data: Uint8Array): JsonValue {
  return toJson(ServerFrameSchema, fromBinary(ServerFrameSchema, data), {
    alwaysEmitImplicit: true,
    registry,
  });
}

/** Opens and says hello; resolves after `ready`. */
export async function connect(
  url: string,
  accessToken: string,
  options: { subprotocol?: Subprotocol; hello?: object } = {},
): Promise<RealtimeClient> {
  const client = await openSocket(url, options.subprotocol ?? "parley.v1.json");
  client.send({ ref: "hello", hello: { accessToken, ...options.hello } });
  await client.next((frame) => frame.ref === "hello" && frame.ready, "ready");
  return client;
}
