import { describe, expect, test } from "vitest";
import { refusal, startTestMessage, type TestMessage } from "./test-message.ts";
import { joined, left } from "./test-peers.ts";

/** A room in which posts and other events come in runs of all lengths. */
async function createMixedRoom(parley: TestMessage) {
  const [ada, bob] = await parley.people();
  const roomId = await parley.roomOf(ada, bob);
  const posts: number[] = [];
  let head = 2;
  const post = async () => {
    posts.push(Number((await ada.send(roomId, `text ${head}`)).seq));
    head += 1;
  };
  const other = async () => {
    await parley.room.change(roomId, bob.userId, left(bob.userId));
    await parley.room.change(roomId, ada.userId, joined(bob.userId));
    head += 2;
  };
  for (const [posted, others] of [
    [0, 3],
    [1, 0],
    [5, 1],
    [1, 40],
    [80, 0],
    [1, 1],
    [1, 2],
    [3, 70],
    [2, 0],
  ] as const) {
    for (let i = 0; i < posted; i++) await post();
    for (let i = 0; i < others; i++) await other();
  }
  return { ada, roomId, posts, head };
}

describe("pages", () => {
  test("are what one would cut by hand, for all bounds", async () => {
    const parley = await startTestMessage();
    const { ada, roomId, posts, head } = await createMixedRoom(parley);
    const events = Array.from({ length: head }, (_, i) => i + 1);
    const bounds = [undefined, 0, 1, 5, posts[3]!, 100, posts[50]!, posts[51]! + 1, head - 3, head, head + 9];
    const cut = (all: number[], after: number | undefined, before: number | undefined, size: number) => {
      const within = all.filter((seq) => seq > (after ?? 0) && seq < (before ?? Number.POSITIVE_INFINITY));
      const page = after === undefined ? within.slice(-size) : within.slice(0, size);
      return { seqs: page, hasMore: within.length > size };
    };
    for (const after of bounds) {
      for (const before of bounds) {
        for (const pageSize of [1, 7, 200]) {
          const request = {
            roomId,
            pageSize,
            afterSeq: after === undefined ? undefined : BigInt(after),
            beforeSeq: before === undefined ? undefined : BigInt(before),
          };
          const { messages, hasMore } = await ada.calls.listMessages(request);
          const seqs = messages.map(({ seq }) => Number(seq));
          expect({ seqs, hasMore }, `${after} ${before}`).toEqual(cut(posts, after, before, pageSize));
          const page = await ada.calls.listTimeline(request);
          const found = { seqs: page.events.map(({ seq }) => Number(seq)), hasMore: page.hasMore };
          expect(found, `${after} ${before}`).toEqual(cut(events, after, before, pageSize));
        }
      }
    }
  });

  test("bounds may be as large as they like", async () => {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const huge = 2n ** 63n - 1n;
    expect((await ada.calls.listTimeline({ roomId, beforeSeq: huge })).events).toHaveLength(1);
    expect((await ada.calls.listMessages({ roomId, afterSeq: huge })).messages).toEqual([]);
    expect(await refusal(ada.calls.getMessage({ roomId, seq: huge }))).toBe("MESSAGE_NOT_FOUND");
    expect(await refusal(ada.calls.getMessage({ roomId, seq: -huge }))).toBe("MESSAGE_NOT_FOUND");
    expect((await ada.calls.markRead({ roomId, seq: huge })).readSeq).toBe(1n);
  });
});

describe("the inbox", () => {
  test("pages by activity, whatever happens in between, and tokens are one's own", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const rooms: string[] = [];
    for (let i = 0; i < 7; i++) rooms.unshift(await parley.roomOf(ada, bob));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await ada.calls.listInbox({ pageSize: 3, pageToken });
      seen.push(...page.items.map(({ roomId }) => roomId));
      pageToken = page.nextPageToken;
      if (seen.length === 3) {
        expect(await refusal(bob.calls.listInbox({ pageToken }))).toBe("INVALID_ARGUMENT");
        expect(await refusal(ada.calls.listInbox({ pageToken: `x${pageToken}` }))).toBe("INVALID_ARGUMENT");
      }
    } while (pageToken !== "");
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(new Set(rooms));
  });
});

describe("for gateways", () => {
  test("heads, states and logs", async () => {
    const parley = await startTestMessage();
    const [ada, bob] = await parley.people();
    const [one, two] = [await parley.roomOf(ada, bob), await parley.roomOf(ada)];
    await ada.send(one, "text");
    const { internal } = parley;
    const state = await internal.getUserState({ userId: ada.userId });
    expect(state.feedSeq).toBe(2n);
    expect(state.epoch).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Map(state.rooms.map(({ roomId, seq }) => [roomId, seq]))).toEqual(
      new Map([
        [one, 3n],
        [two, 1n],
      ]),
    );
    const heads = await internal.getHeads({
      rooms: [
        { roomId: one, seq: 2n },
        { roomId: two, seq: 1n },
        { roomId: "nonsense", seq: 0n },
      ],
      feeds: [
        { userId: bob.userId, seq: 0n },
        { userId: ada.userId, seq: 2n },
      ],
    });
    expect(heads.rooms).toMatchObject([{ roomId: one, seq: 3n }]);
    expect(heads.feeds).toMatchObject([{ userId: bob.userId, seq: 1n }]);
    const page = await internal.readTimeline({ roomId: one, afterSeq: 1n, limit: 1 });
    expect(page).toMatchObject({ headSeq: 3n, events: [{ seq: 2n }] });
    expect(await internal.readTimeline({ roomId: "nonsense", limit: 1 })).toMatchObject({
      events: [],
      headSeq: 0n,
    });
    expect(await internal.readFeed({ userId: bob.userId, limit: 10 })).toMatchObject({
      entries: [{ seq: 1n, body: { case: "roomJoined" } }],
      headSeq: 1n,
      firstSeq: 1n,
    });
    expect(await internal.readFeed({ userId: "nobody", limit: 10 })).toMatchObject({
      headSeq: 0n,
      firstSeq: 1n,
    });
  });
});
