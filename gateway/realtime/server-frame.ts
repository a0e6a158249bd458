import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { WriteAck } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { FeedEntry } from "#gen/parley/message/v1/feed_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { AckSchema, type ServerFrame, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import {
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { encodeBinary, encodeJson, type Format } from "./codec.ts";

/**
 * What is written to connections: one frame or several in order, encoded at most once per format however many
 * connections get it.
 */
export interface Frames {
  /** WebSocket frames, header included. */
  bytes(format: Format): Buffer;
  /** How many items of logs they are. */
  readonly deliveries: number;
  /** The same for streams, made once for all who get them: not to be changed. */
  items(): readonly StreamItem[];
}

/** One frame as an item of a stream. */
export interface StreamItem {
  readonly message: SubscribeResponse;
  /** Bytes, about, as binary Protobuf. */
  readonly size: number;
}

/** A frame that stands for one item of a log. */
export interface NumberedFrame extends Frames {
  readonly seq: number;
  /** About how many bytes it takes in memory, encoded in both formats. */
  readonly weight: number;
}

/** What an event takes without its text, and what a character of its text takes: itself and in each encoding. */
const frameWeight = 1000;
const weightOfCharacter = 6;

class SharedFrame implements NumberedFrame {
  readonly seq: number;
  readonly weight: number;
  readonly deliveries: number;
  readonly #frame: ServerFrame;
  #json: Buffer | undefined;
  #proto: Buffer | undefined;
  #items: readonly StreamItem[] | undefined;

  constructor(frame: ServerFrame, seq: number, textLength = 0) {
    this.#frame = frame;
    this.seq = seq;
    this.deliveries = seq > 0 ? 1 : 0;
    this.weight = frameWeight + textLength * weightOfCharacter;
  }

  bytes(format: Format): Buffer {
    if (format === "json") {
      this.#json ??= encodeJson(this.#frame);
      return this.#json;
    }
    this.#proto ??= encodeBinary(this.#frame);
    return this.#proto;
  }

  items(): readonly StreamItem[] {
    this.#items ??= [toStreamItem(this.#frame, this.bytes("proto").length)];
    return this.#items;
  }
}

class JoinedFrames implements Frames {
  readonly deliveries: number;
  readonly #frames: readonly Frames[];
  #json: Buffer | undefined;
  #proto: Buffer | undefined;
  #items: readonly StreamItem[] | undefined;

  constructor(frames: readonly Frames[]) {
    this.#frames = frames;
    this.deliveries = frames.reduce((sum, { deliveries }) => sum + deliveries, 0);
  }

  bytes(format: Format): Buffer {
    if (format === "json") {
      this.#json ??= Buffer.concat(this.#frames.map((frame) => frame.bytes(format)));
      return this.#json;
    }
    this.#proto ??= Buffer.concat(this.#frames.map((frame) => frame.bytes(format)));
    return this.#proto;
  }

  items(): readonly StreamItem[] {
    this.#items ??= this.#frames.flatMap((frame) => frame.items());
    return this.#items;
  }
}

export function toStreamItem(frame: ServerFrame, size = encodeBinary(frame).length): StreamItem {
  return { message: create(SubscribeResponseSchema, { frame }), size };
}

export function createFrame(frame: MessageInitShape<typeof ServerFrameSchema>): Frames {
  return new SharedFrame(create(ServerFrameSchema, frame), 0);
}

/** The answer to a write. */
export function createAckFrame(ref: string | undefined, roomId: string, written: WriteAck): Frames {
  const ack = create(AckSchema);
  ack.roomId = roomId;
  ack.seq = written.seq;
  if (written.at) ack.at = written.at;
  ack.replayed = written.replayed;
  const frame = frameOf({ case: "ack", value: ack });
  if (ref !== undefined) frame.ref = ref;
  return new SharedFrame(frame, 0);
}

export function createEventFrame(event: TimelineEvent): NumberedFrame {
  const { body } = event;
  const hasText = body.case === "messagePosted" || body.case === "messageEdited";
  const textLength = hasText ? body.value.text.length : 0;
  return new SharedFrame(frameOf({ case: "event", value: event }), Number(event.seq), textLength);
}

export function createFeedFrame(entry: FeedEntry): NumberedFrame {
  return new SharedFrame(frameOf({ case: "feed", value: entry }), Number(entry.seq));
}

/** As `create` makes it of an initial value, which it walks over: for each message that costs too much. */
function frameOf(kind: ServerFrame["kind"]): ServerFrame {
  const frame = create(ServerFrameSchema);
  frame.kind = kind;
  return frame;
}

/** Several frames as one piece, joined once for all who get them. */
export function joinFrames(frames: readonly Frames[]): Frames {
  return frames.length === 1 ? (frames[0] as Frames) : new JoinedFrames(frames);
}
