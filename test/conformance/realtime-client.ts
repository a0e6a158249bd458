import { fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { ClientFrameSchema, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { createFrameInbox, type Frame, type FrameInbox } from "./frame-inbox.ts";
import { frameJson } from "./frame-json.ts";

export type Subprotocol = "parley.v1.json" | "parley.v1.proto";

/**
 * A client of the realtime surface that knows api.md and nothing else. Frames are JSON to the test whatever way they
 * come, so that one suite covers all.
 */
export interface RealtimeClient extends Omit<FrameInbox, "receive" | "end" | "answer"> {
  /** The close code and reason, once closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  send(frame: Frame): void;
  /** Whatever, as it is. */
  sendRaw(data: string | Uint8Array): void;
  /** Sends with a ref of its own and waits for the answer. */
  request(frame: Frame): Promise<Frame>;
  pause(): void;
  resume(): void;
  close(): void;
  /** Ends it without a close frame. */
  drop(): void;
}

export async function openSocket(
  url: string,
  subprotocol: Subprotocol,
  headers: Record<string, string> = {},
): Promise<RealtimeClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/realtime`, subprotocol, {
    headers,
    perMessageDeflate: false,
  });
  const inbox = createFrameInbox();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      resolve({ code, reason: reason.toString() });
      inbox.end();
    });
  });
  socket.on("message", (data: Buffer, isBinary) =>
    inbox.receive(isBinary ? frameJson(fromBinary(ServerFrameSchema, data)) : JSON.parse(data.toString())),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  let lastRef = 0;

  const client: RealtimeClient = {
    ...inbox,
    closed,
    send(frame) {
      if (subprotocol === "parley.v1.json") socket.send(JSON.stringify(frame));
      else socket.send(toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, frame)));
    },
    sendRaw: (data) => socket.send(data),
    request(frame) {
      const ref = `r${++lastRef}`;
      const answer = inbox.answer(ref, `answer to ${JSON.stringify(frame).slice(0, 200)}`);
      client.send({ ref, ...frame });
      return answer;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.close(),
    drop: () => socket.terminate(),
  };
  return client;
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
