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
  const answers = new Map<string, (frame: Frame) => void>();
  const waiting = new Set<() => void>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      resolve({ code, reason: reason.toString() });
      for (const check of waiting) check();
    });
  });
  socket.on("message", (data: Buffer, isBinary) => {
    const frame = isBinary ? decode(data) : JSON.parse(data.toString());
    frames.push(frame);
    const answered = answers.get(frame.ref);
    if (answered) {
      taken.add(frame);
      answers.delete(frame.ref);
      answered(frame);
    }
    for (const check of waiting) check();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  let lastRef = 0;

  function until<T>(found: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (done: () => void) => {
        clearTimeout(timer);
        waiting.delete(check);
        done();
      };
      const check = () => {
        const result = found();
        if (result !== undefined) finish(() => resolve(result));
        else if (socket.readyState === WebSocket.CLOSED)
          finish(() => reject(new Error(`closed without ${what}${tail()}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no ${what} within ${timeoutMs} ms${tail()}`))),
        timeoutMs,
      );
      waiting.add(check);
      check();
    });
  }
  const tail = () => `; last frames: ${JSON.stringify(frames.slice(-5)).slice(0, 1000)}`;

  const client: RealtimeClient = {
    frames,
    closed,
    send(frame) {
      if (subprotocol === "parley.v1.json") socket.send(JSON.stringify(frame));
      else socket.send(toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, frame)));
    },
    sendRaw: (data) => socket.send(data),
    async request(frame) {
      const ref = `r${++lastRef}`;
      let answer: Frame;
      answers.set(ref, (each) => {
        answer = each;
      });
      client.send({ ref, ...frame });
      return until(() => answer, `answer to ${JSON.stringify(frame).slice(0, 200)}`);
    },
    async next(matches, what = "such frame") {
      const frame = await until(() => frames.find((each) => !taken.has(each) && matches(each)), what);
      taken.add(frame);
      return frame;
    },
    kind: (name) => client.next((frame) => name in frame, name),
    events: (roomId) => frames.filter((frame) => frame.event?.roomId === roomId).map((frame) => frame.event),
    async untilSeq(roomId, seq) {
      await until(
        () => frames.find((frame) => frame.event?.roomId === roomId && Number(frame.event.seq) >= seq),
        `event ${seq}`,
      );
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
