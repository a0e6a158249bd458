import { expect, test } from "vitest";
import type { MessageItem, NoticeItem, OutgoingMessage } from "../../../../client/index.ts";
import { buildRows, type RowSource } from "./rows.ts";

const noon = new Date(2026, 10, 26, 12).getTime();
const minute = 60_000;

function message(
  seq: number,
  authorId: string,
  minutes: number,
  more: Partial<MessageItem> = {},
): MessageItem {
  const at = new Date(noon + minutes * minute);
  const [mine, text, clientId] = [authorId === "me", `text ${seq}`, `client-${seq}`];
  return {
    kind: "message",
    seq: BigInt(seq),
    at,
    authorId,
    mine,
    clientId,
    text,
    deleted: false,
    reactions: [],
    ...more,
  };
}

function joined(seq: number, actorId: string, userId: string): NoticeItem {
  return {
    kind: "notice",
    seq: BigInt(seq),
    at: new Date(noon),
    actorId,
    notice: { type: "joined", userId },
  };
}

function outgoing(clientId: string, minutes: number): OutgoingMessage {
  const createdAt = new Date(noon + minutes * minute);
  return { clientId, roomId: "room", text: "on its way", createdAt, state: "pending" };
}

function rowsOf(source: Partial<RowSource>) {
  return buildRows({
    messages: [],
    outgoing: [],
    hasOlder: true,
    hasNewer: false,
    unreadAfter: undefined,
    myId: "me",
    isDirect: false,
    ...source,
  });
}

const firsts = (source: Partial<RowSource>) =>
  rowsOf(source).map((row) => (row.kind === "message" || row.kind === "outgoing" ? row.isFirst : row.kind));

test("messages of one person in a row stand together, until a pause, another person or a reply", () => {
  const messages = [
    message(1, "ada", 0),
    message(2, "ada", 1),
    message(3, "bob", 2),
    message(4, "bob", 20),
    message(5, "bob", 21, { replyTo: { seq: 1n } }),
  ];
  expect(firsts({ messages })).toEqual([true, false, true, true, true]);
});

test("what one sends goes on after one's own", () => {
  const source = { messages: [message(1, "me", 0)], outgoing: [outgoing("a", 1), outgoing("b", 2)] };
  expect(firsts(source)).toEqual([true, false, false]);
});

test("what one sends isn't shown among what was earlier", () => {
  const source = { messages: [message(1, "ada", 0)], outgoing: [outgoing("a", 1)], hasNewer: true };
  expect(firsts(source)).toEqual([true]);
});

test("one's own message keeps its key when it comes back from the server", () => {
  const [before] = rowsOf({ outgoing: [outgoing("client-7", 0)] });
  const [after] = rowsOf({ messages: [message(7, "me", 0)] });
  expect(after?.key).toBe(before?.key);
});

test("a row keeps its key when older ones come before it", () => {
  const newer = [message(5, "ada", 1), message(6, "bob", 2)];
  const older = [message(3, "ada", 0), message(4, "me", 0)];
  const keys = rowsOf({ messages: newer }).map(({ key }) => key);
  expect(
    rowsOf({ messages: [...older, ...newer] })
      .slice(2)
      .map(({ key }) => key),
  ).toEqual(keys);
});

test("the first unread message of others is marked, once", () => {
  const messages = [message(1, "ada", 0), message(2, "me", 1), message(3, "ada", 2), message(4, "ada", 3)];
  const marked = (unreadAfter: bigint | undefined) =>
    rowsOf({ messages, unreadAfter }).flatMap((row) =>
      row.kind === "message" && row.startsUnread ? [row.item.seq] : [],
    );
  expect(marked(1n)).toEqual([3n]);
  expect(marked(4n)).toEqual([]);
  expect(marked(undefined)).toEqual([]);
});

test("each day is written above its first row", () => {
  const messages = [message(1, "ada", -24 * 60), message(2, "ada", 0), message(3, "ada", 1)];
  expect(rowsOf({ messages }).map((row) => row.kind === "message" && row.startsDay)).toEqual([
    true,
    true,
    false,
  ]);
});

test("people who were brought in together are one row; who came alone has one of their own", () => {
  const messages = [
    joined(1, "ada", "ada"),
    joined(2, "ada", "bob"),
    joined(3, "ada", "eve"),
    joined(4, "dan", "dan"),
  ];
  const kinds = rowsOf({ messages, hasOlder: false }).map((row) =>
    row.kind === "notice" ? row.items.length : row.kind,
  );
  expect(kinds).toEqual(["start", 1, 2, 1]);
});

test("a room of two tells nothing of who came", () => {
  expect(rowsOf({ messages: [joined(1, "ada", "ada"), joined(2, "ada", "bob")], isDirect: true })).toEqual(
    [],
  );
});
