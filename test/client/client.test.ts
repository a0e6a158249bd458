import { afterAll, beforeAll, expect, test } from "vitest";
import { createParley, type MessageItem, type Parley, type RoomState } from "../../client/index.ts";
import { type Stack, startOneProcess } from "../stack.ts";

/** The client's face, against a server, as a program in Node would use it. */

let stack: Stack;
const clients: Parley[] = [];
let people = 0;

beforeAll(async () => {
  stack = await startOneProcess();
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await stack[Symbol.asyncDispose]();
});

async function person(name: string, transport: "auto" | "subscribe" | "websocket" = "auto") {
  const parley = createParley({ url: stack.url, transport, deviceName: "a test" });
  clients.push(parley);
  people += 1;
  const username = `${name}${people}`;
  const user = await parley.register({ username, password: "correct horse", displayName: name });
  parley.connect();
  await expect.poll(() => parley.connection.get().status).toBe("connected");
  return Object.assign(parley, { userId: user.userId });
}

const texts = (state: RoomState) => messagesOf(state).map(({ text }) => text);
const messagesOf = ({ messages }: RoomState) =>
  messages.filter((item): item is MessageItem => item.kind === "message");

test.each(["auto", "subscribe"] as const)("two people talk, by %s", async (transport) => {
  const ada = await person("ada", transport);
  const bob = await person("bob", transport);
  const { room } = await ada.rooms.createRoom({ name: "Tea", memberIds: [bob.userId] });
  const roomId = room!.roomId;
  await expect.poll(() => bob.inbox.get().rooms.map(({ title }) => title)).toEqual(["Tea"]);

  const [hers, his] = [ada.room(roomId), bob.room(roomId)];
  hers.open();
  const release = his.open();
  await expect.poll(() => his.state.get().status).toBe("ready");
  const sent = hers.send("hello");
  expect(sent).toMatchObject({ state: "pending", text: "hello" });
  expect(hers.state.get().outgoing.map(({ clientId }) => clientId)).toEqual([sent.clientId]);
  await expect.poll(() => texts(his.state.get())).toEqual(["hello"]);
  await expect.poll(() => hers.state.get().outgoing).toEqual([]);
  await expect
    .poll(() => bob.inbox.get().rooms[0])
    .toMatchObject({ unread: 1, lastMessage: { text: "hello" } });

  const [hello] = messagesOf(his.state.get());
  his.markRead();
  expect(his.state.get().unread).toBe(0);
  his.send("hi", { replyToSeq: hello!.seq });
  await his.react(hello!.seq, "👍");
  await hers.edit(hello!.seq, "hello, Bob");
  await expect
    .poll(() => messagesOf(hers.state.get()))
    .toMatchObject([
      { text: "hello, Bob", mine: true, reactions: [{ emoji: "👍", count: 1, mine: false }] },
      { text: "hi", mine: false, replyTo: { seq: hello!.seq, preview: { text: "hello, Bob" } } },
    ]);
  await expect.poll(() => messagesOf(his.state.get())[0]?.reactions).toMatchObject([{ mine: true }]);
  his.typing();
  if (transport === "auto") await expect.poll(() => hers.state.get().typing).toEqual([bob.userId]);
  await hers.delete(hello!.seq);
  await expect
    .poll(() => messagesOf(his.state.get()))
    .toMatchObject([{ deleted: true, text: "", reactions: [] }, { replyTo: { preview: { deleted: true } } }]);

  await his.loadMembers();
  expect(his.state.get().members.map(({ userId }) => userId)).toEqual([ada.userId, bob.userId]);
  await ada.rooms.removeMember({ roomId, userId: bob.userId });
  await expect.poll(() => his.state.get().status).toBe("gone");
  await expect.poll(() => bob.inbox.get().rooms).toEqual([]);
  release();
});

test("a room is scrolled through to its beginning and back, with a bounded window", {
  timeout: 60_000,
}, async () => {
  const parley = await person("ada", "websocket");
  const { room } = await parley.rooms.createRoom({ name: "Tea" });
  const roomId = room!.roomId;
  const count = 1200;
  for (let index = 0; index < count; index += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, more) =>
        parley.messages.sendMessage({ roomId, clientId: `${index + more}`, text: `${index + more}` }),
      ),
    );
  const store = parley.room(roomId);
  const close = store.open();
  await expect.poll(() => store.state.get().status).toBe("ready");
  const seen = new Set<string>();
  const look = () => {
    const { messages } = store.state.get();
    expect(messages.length).toBeLessThanOrEqual(500);
    messages.slice(1).forEach(({ seq }, index) => void expect(seq).toBe(messages[index]!.seq + 1n));
    for (const { text } of messagesOf(store.state.get())) seen.add(text);
  };
  while (store.state.get().hasOlder) {
    look();
    await store.loadOlder();
  }
  look();
  expect(seen.size).toBe(count);
  expect(store.state.get().hasNewer).toBe(true);
  seen.clear();
  while (store.state.get().hasNewer) {
    look();
    await store.loadNewer();
  }
  look();
  expect(seen.size).toBe(count);
  while (!store.state.get().hasNewer) await store.loadOlder();
  await store.jumpToLatest();
  expect(store.state.get().hasNewer).toBe(false);
  expect(messagesOf(store.state.get()).at(-1)?.seq).toBe(BigInt(count + 1));
  close();
});
