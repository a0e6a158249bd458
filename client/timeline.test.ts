import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { createTimeline, type Timeline } from "./timeline.ts";

type Body = MessageInitShape<typeof TimelineEventSchema>["body"];

const me = "me";
const posted = (text: string, replyToSeq?: number): Body => ({
  case: "messagePosted",
  value: { clientId: text, text, ...(replyToSeq !== undefined && { replyToSeq: BigInt(replyToSeq) }) },
});
const edited = (seq: number, text: string): Body => ({
  case: "messageEdited",
  value: { messageSeq: BigInt(seq), text },
});
const deleted = (seq: number): Body => ({ case: "messageDeleted", value: { messageSeq: BigInt(seq) } });
const added = (seq: number, emoji: string): Body => ({
  case: "reactionAdded",
  value: { messageSeq: BigInt(seq), emoji },
});
const removed = (seq: number, emoji: string): Body => ({
  case: "reactionRemoved",
  value: { messageSeq: BigInt(seq), emoji },
});
const joined = (userId: string): Body => ({ case: "memberJoined", value: { userId } });

/** A whole timeline: bodies in order, by actors. */
function history(...entries: [actorId: string, body: Body][]): TimelineEvent[] {
  return entries.map(([actorId, body], index) =>
    create(TimelineEventSchema, {
      roomId: "room",
      seq: BigInt(index + 1),
      actorId,
      at: timestampFromMs(index),
      body: body!,
    }),
  );
}

function shown({ items }: Timeline) {
  return items.map((item) =>
    item.kind === "notice"
      ? item.notice.type
      : [
          item.deleted ? "(deleted)" : item.text,
          ...item.reactions.map(({ emoji, count, mine }) => `${emoji}${count}${mine ? "!" : ""}`),
          ...(item.replyTo ? [`re ${item.replyTo.preview?.text ?? "?"}`] : []),
        ].join(" "),
  );
}

const events = history(
  ["ada", joined("ada")],
  ["ada", posted("one")],
  [me, added(2, "👍")],
  ["bob", posted("two", 2)],
  ["bob", added(2, "❤️")],
  ["ada", edited(2, "one!")],
  [me, posted("three")],
  ["bob", added(2, "👍")],
  [me, removed(2, "👍")],
  ["bob", deleted(4)],
  ["bob", added(7, "👀")],
  ["bob", posted("four", 4)],
);
const whole = ["joined", "one! 👍1 ❤️1", "(deleted) re one!", "three 👀1", "four re "];

describe("a timeline", () => {
  test("folds events into messages", () => {
    const timeline = createTimeline(() => me, 100);
    timeline.begin(events);
    expect(shown(timeline)).toEqual(whole);
    expect(timeline.hasOlder).toBe(false);
  });

  test("is the same event by event, and page by page from any place", () => {
    for (let first = 1; first <= events.length; first += 1) {
      for (let pageSize = 1; pageSize <= 4; pageSize += 1) {
        const timeline = createTimeline(() => me, 100);
        timeline.begin(events.slice(first - 1, first));
        let next = first;
        while (timeline.hasOlder || next < events.length) {
          const end = Number(timeline.low) - 1;
          if (timeline.hasOlder) timeline.addOlder(events.slice(Math.max(0, end - pageSize), end));
          if (next < events.length) expect(timeline.append(events[next]!)).toBe(true);
          next += 1;
        }
        expect(shown(timeline)).toEqual(whole);
      }
    }
  });

  test("counts changes once when parts of it leave the window and come back", () => {
    const timeline = createTimeline(() => me, 2);
    timeline.begin(events.slice(6));
    expect(shown(timeline)).toEqual(["three 👀1", "four re ?"]);
    while (timeline.hasOlder) {
      const end = Number(timeline.low) - 1;
      timeline.addOlder(events.slice(Math.max(0, end - 2), end));
      expect(timeline.items.length).toBeLessThanOrEqual(2);
    }
    expect(shown(timeline)).toEqual(whole.slice(0, 2));
    expect(timeline.hasNewer).toBe(true);
    while (timeline.hasNewer) {
      const begin = Number(timeline.high);
      timeline.addNewer(events.slice(begin, begin + 3));
    }
    expect(shown(timeline)).toEqual(["three 👀1", "four re "]);
    while (timeline.hasOlder) {
      const end = Number(timeline.low) - 1;
      timeline.addOlder(events.slice(Math.max(0, end - 3), end));
    }
    expect(shown(timeline)).toEqual(whole.slice(0, 2));
  });

  test("goes on counting while the reader is further up", () => {
    const timeline = createTimeline(() => me, 2);
    timeline.begin(events.slice(3, 8));
    timeline.addOlder(events.slice(0, 3));
    expect(timeline.hasNewer).toBe(true);
    for (const event of events.slice(8)) expect(timeline.append(event)).toBe(true);
    expect(shown(timeline)).toEqual(whole.slice(0, 2));
    expect(timeline.newest).toBe(12n);
  });

  test("refuses what isn't next", () => {
    const timeline = createTimeline(() => me, 100);
    timeline.begin(events.slice(0, 3));
    expect(timeline.append(events[5]!)).toBe(false);
    expect(timeline.append(events[2]!)).toBe(false);
    expect(timeline.newest).toBe(3n);
  });

  test("keeps items the same until they change", () => {
    const timeline = createTimeline(() => me, 100);
    timeline.begin(events.slice(0, 4));
    const before = timeline.items;
    timeline.append(events[4]!);
    const after = timeline.items;
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  test("shows what a message answers, once it is looked up", () => {
    const timeline = createTimeline(() => me, 100);
    timeline.begin(events.slice(3, 4));
    expect(timeline.missingQuotes()).toEqual([2n]);
    timeline.quote(2n, { authorId: "ada", text: "one", deleted: false });
    expect(shown(timeline)).toEqual(["two re one"]);
    timeline.append(events[4]!);
    timeline.append(events[5]!);
    expect(shown(timeline)).toEqual(["two re one!"]);
  });

  test("takes an erased post for deleted", () => {
    const timeline = createTimeline(() => me, 100);
    const [post] = history(["ada", { case: "messagePosted", value: { clientId: "1", erased: true } }]);
    timeline.begin([post!]);
    expect(shown(timeline)).toEqual(["(deleted)"]);
  });
});
