import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type TimelineEvent, TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { ReadySchema, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { createLiveLogs, type LiveLogsDeps } from "./live-logs.ts";

type Kind = MessageInitShape<typeof ServerFrameSchema>["kind"];
type Body = MessageInitShape<typeof TimelineEventSchema>["body"];

const roomId = "room";
const post: Body = { case: "messagePosted", value: { text: "hi" } };
const joined: Body = { case: "memberJoined", value: { userId: "me" } };
const left: Body = { case: "memberLeft", value: { userId: "me" } };

function eventOf(seq: number, body: Body): TimelineEvent {
  return create(TimelineEventSchema, { roomId, seq: BigInt(seq), actorId: "me", body: body! });
}

function setUp({ wantsAll = true, history = [] as TimelineEvent[] } = {}) {
  const heard: string[] = [];
  const messages = {
    listTimeline: async ({ afterSeq = 0n, beforeSeq = 0n }) => ({
      events: history.filter(({ seq }) => seq > afterSeq && seq < beforeSeq),
    }),
    listFeed: async () => ({ entries: [], hasMore: false, firstSeq: 50n }),
  } as unknown as LiveLogsDeps["messages"];
  const logs = createLiveLogs({
    messages,
    userId: () => "me",
    wantsAll: () => wantsAll,
    sink: {
      event: ({ seq, body }) => heard.push(`${seq} ${body.case}`),
      feed: ({ seq }) => heard.push(`feed ${seq}`),
      signal: () => {},
      reset: (id) => heard.push(`reset ${id}`),
      gone: () => heard.push("gone"),
    },
  });
  const connect = (epoch = "one") => {
    const greeting = logs.greeting();
    const connection = new AbortController();
    logs.begin(create(ReadySchema, { feedSeq: 9n, epoch }), connection.signal, true);
    return { greeting, connection };
  };
  const frame = (kind: Kind) => logs.take(create(ServerFrameSchema, { kind: kind! }));
  const event = (seq: number, body: Body = post) => frame({ case: "event", value: eventOf(seq, body) });
  const gap = (nextSeq: number, reset = false) =>
    frame({
      case: "gap",
      value: { log: { case: "roomId", value: roomId }, nextSeq: BigInt(nextSeq), reset },
    });
  return { logs, heard, connect, frame, event, gap };
}

describe("live logs", () => {
  test("name the rooms that are known, where each stopped", () => {
    const { logs, connect, event } = setUp();
    logs.knowHead(roomId, 4n);
    expect(connect().greeting).toEqual({ rooms: [{ roomId, afterSeq: 4n }] });
    event(5);
    event(6);
    expect(connect().greeting).toEqual({ rooms: [{ roomId, afterSeq: 6n }], feedAfterSeq: 9n, epoch: "one" });
  });

  test("tell a new room from its first event, though its head is known before", () => {
    const { logs, connect, event, heard } = setUp();
    connect();
    logs.knowHead(roomId, 3n);
    event(1, joined);
    event(2);
    event(3);
    expect(heard).toEqual(["1 memberJoined", "2 messagePosted", "3 messagePosted"]);
  });

  test("end with one's membership, and begin with the next", () => {
    const { connect, event, heard, logs } = setUp();
    connect();
    event(5);
    event(6, left);
    event(6, left);
    event(7);
    expect(heard).toEqual(["5 messagePosted", "6 memberLeft", "gone"]);
    expect(logs.greeting().rooms).toEqual([]);
    event(9, joined);
    event(8);
    event(10);
    expect(heard.slice(3)).toEqual(["9 memberJoined", "10 messagePosted"]);
  });

  test("tell of leaving and coming back that were missed", async () => {
    const history = [eventOf(6, left), eventOf(7, post), eventOf(8, joined), eventOf(9, post)];
    const { connect, event, heard } = setUp({ history });
    connect();
    event(5);
    event(10);
    const expected = ["5 messagePosted", "6 memberLeft", "gone", "8 memberJoined", "9 messagePosted"];
    await expect.poll(() => heard).toEqual([...expected, "10 messagePosted"]);
  });

  test("fetch what a gap leaves out for those who want all, and skip it for others", async () => {
    const history = [eventOf(6, post), eventOf(7, post)];
    const all = setUp({ history });
    all.connect();
    all.event(5);
    all.gap(8);
    all.event(8);
    await expect.poll(() => all.heard.map((each) => each.split(" ")[0])).toEqual(["5", "6", "7", "8"]);
    const few = setUp({ wantsAll: false, history });
    few.connect();
    few.event(5);
    few.gap(8);
    few.event(8);
    expect(few.heard).toEqual(["5 messagePosted", "reset room", "8 messagePosted"]);
  });

  test("begin anew where the past is another", () => {
    const { connect, event, gap, heard } = setUp();
    connect();
    event(5);
    connect("two");
    gap(3, true);
    event(3);
    expect(heard).toEqual(["5 messagePosted", "reset undefined", "reset room", "3 messagePosted"]);
  });

  test("say so when the feed that was missed is no longer kept", async () => {
    const { connect, frame, heard } = setUp();
    connect();
    frame({ case: "gap", value: { log: { case: "feed", value: true }, nextSeq: 60n } });
    await expect.poll(() => heard).toEqual(["reset undefined"]);
    frame({ case: "feed", value: { seq: 60n } });
    expect(heard).toEqual(["reset undefined", "feed 60"]);
  });

  test("are gone where one is no member any more", () => {
    const { connect, event, frame, heard } = setUp();
    connect();
    event(5);
    frame({ case: "roomGone", value: { roomId } });
    event(6);
    expect(heard).toEqual(["5 messagePosted", "gone"]);
  });
});
