import { randomUUID } from "node:crypto";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { ok as good, type Person, roomOf, send } from "../api.ts";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

const { method } = MessageService;

/** A room of the two with one post by the first, at seq 3. */
async function conversation(author: Person, other: Person): Promise<{ roomId: string; seq: string }> {
  const roomId = await roomOf(author, other);
  const { seq } = await send(author, roomId, "one", { clientId: "one" });
  return { roomId, seq };
}

const erase = (author: Person, { roomId, seq }: { roomId: string; seq: string }) =>
  good(author.delete(`/v1/rooms/${roomId}/messages/${seq}`));

/** ListMessages and ListTimeline page alike. */
const pages: Scenario = async ({ ada, bob, eve, ok, refused, bad }) => {
  const { roomId } = await conversation(ada, bob);
  for (const text of ["two", "three"]) await send(bob, roomId, text, { clientId: text });
  await ok("the newest", ada, { roomId, pageSize: 2 });
  await ok("after one", bob, { roomId, afterSeq: "3" });
  await ok("before one", bob, { roomId, beforeSeq: "4", pageSize: 1 });
  await ok("a range", bob, { roomId, afterSeq: "0", beforeSeq: "5" });
  await ok("none", bob, { roomId, beforeSeq: "0" });
  await refused("as a stranger", eve, { roomId }, "ROOM_NOT_FOUND");
  const wrong = { roomId, beforeSeq: "-1", afterSeq: "-1", pageSize: 201 };
  await bad("every field", ada, wrong, ["before_seq", "after_seq", "page_size"]);
};

export const messageScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [
    method.sendMessage,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const roomId = await roomOf(ada, bob);
      const request = { roomId, clientId: "c1", text: '  h\u00e9llo \u{1f44b}\u{1f3fd}\n\t" ' };
      await ok("a post", ada, request);
      await ok("again", ada, request);
      await refused("another by the same id", ada, { ...request, text: "x" }, "CLIENT_ID_REUSED");
      await ok("a reply", bob, { ...request, replyToSeq: "3" });
      const lost = { ...request, clientId: "c2", replyToSeq: "99" };
      await refused("a reply to nothing", ada, lost, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, request, "ROOM_NOT_FOUND");
      const wrong = { roomId, clientId: "\u00e9", text: "", replyToSeq: "0" };
      await bad("every field", ada, wrong, ["client_id", "text", "reply_to_seq"]);
      await bad("no text", ada, { roomId, clientId: "c3", text: "nul \0 inside" }, ["text"]);
    },
  ],
  [
    method.getMessage,
    async ({ ada, bob, eve, ok, refused }) => {
      const request = await conversation(ada, bob);
      await ok("as it stands", bob, request);
      await refused("no post", bob, { ...request, seq: "1" }, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, request, "ROOM_NOT_FOUND");
      await erase(ada, request);
      await ok("deleted", bob, request);
    },
  ],
  [method.listMessages, pages],
  [method.listTimeline, pages],
  [
    method.editMessage,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const request = await conversation(ada, bob);
      await ok("one's own", ada, { ...request, text: "two" });
      await refused("another's", bob, { ...request, text: "x" }, "NOT_AUTHOR");
      await refused("no post", ada, { ...request, seq: "9", text: "x" }, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, { ...request, text: "x" }, "ROOM_NOT_FOUND");
      await bad("no text", ada, { ...request, text: "" }, ["text"]);
      await erase(ada, request);
      await refused("a deleted one", ada, { ...request, text: "x" }, "MESSAGE_DELETED");
    },
  ],
  [
    method.deleteMessage,
    async ({ ada, bob, eve, ok, refused }) => {
      const request = await conversation(ada, bob);
      await refused("another's", bob, request, "ROLE_TOO_LOW");
      await refused("no post", ada, { ...request, seq: "1" }, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, request, "ROOM_NOT_FOUND");
      await ok("one's own", ada, request);
      await ok("again", ada, request);
    },
  ],
  [
    method.addReaction,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const request = { ...(await conversation(ada, bob)), emoji: "\u{1f44d}" };
      await ok("the first", bob, request);
      await ok("again", bob, request);
      await refused("no post", bob, { ...request, seq: "1" }, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, request, "ROOM_NOT_FOUND");
      await bad("no emoji", bob, { ...request, emoji: "x" }, ["emoji"]);
      const path = `/v1/rooms/${request.roomId}/messages/${request.seq}/reactions/`;
      const others = Array.from({ length: 49 }, (_, i) => String.fromCodePoint(0x1f400 + i));
      for (const emoji of others) await good(ada.put(path + emoji));
      await refused("the 51st", bob, { ...request, emoji: "\u{1f680}" }, "LIMIT_REACHED");
      await erase(ada, request);
      await refused("a deleted one", bob, request, "MESSAGE_DELETED");
    },
  ],
  [
    method.removeReaction,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const request = { ...(await conversation(ada, bob)), emoji: "\u2764\ufe0f" };
      await good(bob.put(`/v1/rooms/${request.roomId}/messages/${request.seq}/reactions/${request.emoji}`));
      await ok("one's own", bob, { ...request, emoji: "\u2764" });
      await ok("again", bob, request);
      await refused("no post", bob, { ...request, seq: "1" }, "MESSAGE_NOT_FOUND");
      await refused("as a stranger", eve, request, "ROOM_NOT_FOUND");
      await bad("no emoji", bob, { ...request, emoji: "x".repeat(65) }, ["emoji"]);
      await erase(ada, request);
      await refused("a deleted one", bob, request, "MESSAGE_DELETED");
    },
  ],
  [
    method.markRead,
    async ({ ada, bob, eve, ok, refused, bad }) => {
      const { roomId } = await conversation(ada, bob);
      await ok("at the beginning", bob, { roomId, seq: "0" });
      await ok("beyond the head", bob, { roomId, seq: "9007199254740993" });
      await refused("as a stranger", eve, { roomId, seq: "1" }, "ROOM_NOT_FOUND");
      await bad("before the beginning", bob, { roomId, seq: "-1" }, ["seq"]);
    },
  ],
  [
    method.listInbox,
    async ({ person, ada, ok, bad }) => {
      const who = await person("reads");
      await ok("empty", who);
      await conversation(ada, who);
      await roomOf(ada, who);
      const { nextPageToken = "" } = await ok("the latest", who, { pageSize: 1 });
      await ok("the other", who, { pageToken: nextPageToken });
      const wrong = { pageSize: 201, pageToken: "x".repeat(1001) };
      await bad("every field", who, wrong, ["page_size", "page_token"]);
    },
  ],
  [
    method.listFeed,
    async ({ person, ada, ok, bad }) => {
      const who = await person("follows");
      await ok("empty", who);
      const roomId = await roomOf(ada, who);
      await good(ada.delete(`/v1/rooms/${roomId}/members/${who.userId}`));
      await good(ada.post(`/v1/rooms/${roomId}/invitations`, { userId: who.userId, clientId: randomUUID() }));
      await ok("all", who);
      await ok("a page", who, { afterSeq: "1", pageSize: 1 });
      await bad("every field", who, { afterSeq: "-1", pageSize: 0 }, ["after_seq", "page_size"]);
    },
  ],
]);
