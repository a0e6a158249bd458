import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { FeedEntrySchema } from "#gen/parley/message/v1/feed_pb.js";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";
import { encodeValues } from "./kafka-values.ts";

function oneByOne<D extends DescMessage>(schema: D, messages: readonly MessageShape<D>[]): Buffer[] {
  return messages.map((message) => Buffer.from(toBinary(schema, message)));
}

function posted(text: string, seq = 1): TimelineEvent {
  return create(TimelineEventSchema, {
    roomId: "room",
    seq: BigInt(seq),
    at: { seconds: 1_764_190_000n, nanos: 1_000_000 },
    body: { case: "messagePosted", value: { clientId: "c", text } },
  });
}

test("many messages: each has the bytes that it has alone", () => {
  const lengths = Array.from({ length: 300 }, (_, i) => i * 3);
  const messages = [
    ...lengths.map((length, seq) => posted("x".repeat(length), seq)),
    ...lengths.map((length, seq) => posted("🙂ü".repeat(length), seq)),
  ];
  expect(encodeValues(TimelineEventSchema, messages)).toEqual(oneByOne(TimelineEventSchema, messages));
});

test("messages of every topic, and ones that have no bytes", () => {
  const events = [create(TimelineEventSchema), posted("text"), create(TimelineEventSchema)];
  expect(encodeValues(TimelineEventSchema, events)).toEqual(oneByOne(TimelineEventSchema, events));
  const joined = { case: "roomJoined", value: { roomId: "room", seq: 3n } } as const;
  const entries = [create(FeedEntrySchema, { seq: 2n, body: joined })];
  expect(encodeValues(FeedEntrySchema, entries)).toEqual(oneByOne(FeedEntrySchema, entries));
  const changes = [create(RoomChangeSchema, { version: 7n })];
  expect(encodeValues(RoomChangeSchema, changes)).toEqual(oneByOne(RoomChangeSchema, changes));
  expect(encodeValues(RoomChangeSchema, [])).toEqual([]);
});

test("fields of later versions are kept", () => {
  const event = posted("text");
  event.$unknown = [{ no: 900, wireType: 2, data: Uint8Array.of(2, 1, 2) }];
  expect(encodeValues(TimelineEventSchema, [event])).toEqual(oneByOne(TimelineEventSchema, [event]));
});

test("what can't be encoded is refused as it is alone", () => {
  const wrong = posted("text");
  wrong.seq = "soon" as unknown as bigint;
  const other = create(FeedEntrySchema) as unknown as TimelineEvent;
  for (const message of [wrong, other]) {
    const alone = () => toBinary(TimelineEventSchema, message);
    expect(alone).toThrow();
    expect(() => encodeValues(TimelineEventSchema, [posted("text"), message])).toThrow(
      errorOf(alone).message,
    );
  }
});

function errorOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not throw");
}
