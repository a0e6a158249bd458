import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type WatchResponse, WatchResponseSchema } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import type { EventRecord } from "../common/events/event-log.ts";

/** A timeline event as the event log hands it over, keyed by its room's id. */
export type TimelineRecord = Pick<EventRecord<TimelineEvent>, "key" | "number" | "message" | "encoded">;

const eventsField = WatchResponseSchema.field.events.number;
const joinedField = TimelineEventSchema.field.memberJoined.number;

/**
 * Who joined by this event; undefined if nobody did. What is passed on in its bytes is only decoded if it is a join: to
 * decode each and encode it again took a third of what Delivery does for a message. Throws UnprocessableRecordError.
 */
export function joinedBy(record: TimelineRecord): string | undefined {
  if (record.encoded && !record.encoded.fields.includes(joinedField)) return undefined;
  const { body } = record.message;
  return body.case === "memberJoined" ? body.value.userId : undefined;
}

/**
 * Puts the bytes of events into the response, behind its events: as fields that it doesn't know, which are written as
 * they are. To a gateway in another process there is no difference, one in this process has to decode them.
 */
export function passOn(response: WatchResponse, events: readonly Uint8Array[]): void {
  const writer = new BinaryWriter();
  for (const [index, event] of events.entries()) {
    // The tag of the first is that of the whole.
    if (index > 0) writer.tag(eventsField, WireType.LengthDelimited);
    writer.bytes(event);
  }
  response.$unknown = [{ no: eventsField, wireType: WireType.LengthDelimited, data: writer.finish() }];
}
