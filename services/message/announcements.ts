import type { EventRecord } from "../common/events/event-log.ts";
import type { OutboxRow } from "../common/events/outbox.ts";
import { feedTopic, timelineTopic } from "../common/events/topics.ts";
import { toFeedEntry, toTimelineEvent } from "./events.ts";
import type { MessageDatabase } from "./timeline-queue.ts";

/** What an outbox row announces, as it stands now: erased text is not told, nor entries that are no longer kept. */
export async function renderAnnouncement(
  database: Pick<MessageDatabase, "read">,
  { topic, key, firstNumber, lastNumber }: OutboxRow,
): Promise<EventRecord[]> {
  const [after, limit] = [firstNumber - 1, lastNumber - firstNumber + 1];
  if (topic === timelineTopic.name) {
    const { rows } = await database.read("readTimeline", key, after, limit);
    return rows.map((row) => ({ key, number: row[0], message: toTimelineEvent(key, row) }));
  }
  if (topic === feedTopic.name) {
    const { rows } = await database.read("readFeed", key, after, limit);
    const wanted = rows.filter(([seq]) => seq <= lastNumber);
    return wanted.map((row) => ({ key, number: row[0], message: toFeedEntry(row) }));
  }
  throw new TypeError(`nothing is published to ${topic} here`);
}
