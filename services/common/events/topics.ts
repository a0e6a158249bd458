import type { DescMessage } from "@bufbuild/protobuf";
import { FeedEntrySchema } from "#gen/parley/message/v1/feed_pb.js";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { RoomChangeSchema } from "#gen/parley/room/v1/room_change_pb.js";

/** A named log of messages of one type. Its name and its type are public surface. */
export interface Topic<D extends DescMessage = DescMessage> {
  readonly name: string;
  readonly schema: D;
}

/** What happened in rooms. Key: room id; number: the event's `seq`. Written by Message. */
export const timelineTopic = { name: "parley.timeline.v1", schema: TimelineEventSchema } as const;

/** What concerns people. Key: user id; number: the entry's `seq`. Written by Message. */
export const feedTopic = { name: "parley.feed.v1", schema: FeedEntrySchema } as const;

/** What Room decided. Key: room id; number: the change's `version`. Written by Room. */
export const roomTopic = { name: "parley.room.v1", schema: RoomChangeSchema } as const;

export const allTopics: readonly Topic[] = [timelineTopic, feedTopic, roomTopic];

const topics = new Map(allTopics.map((topic) => [topic.name, topic]));

/** The topic of this name, if there is one. */
export function findTopic(name: string): Topic | undefined {
  return topics.get(name);
}

/** The name of the topic that holds what a consumer of `topic` could not process. */
export function deadLetterTopicName(topic: Topic): string {
  return `${topic.name}.dead`;
}
