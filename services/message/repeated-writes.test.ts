import { describe, expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { startTestMessage, timelineOf } from "./test-message.ts";
import { type Operation, openStream, send } from "./test-write-stream.ts";

describe("writes that are sent again on another stream", () => {
  const edit = (roomId: string, text: string): Operation => ({
    case: "edit",
    value: { roomId, seq: 2n, text },
  });
  const reaction = (roomId: string, kind: "addReaction" | "removeReaction"): Operation => ({
    case: kind,
    value: { roomId, seq: 2n, emoji: "👍" },
  });

  async function start() {
    const parley = await startTestMessage();
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    await ada.send(roomId, "zero");
    const linkId = newId();
    const open = (link = linkId) => {
      const stream = openStream(parley, link);
      stream.introduce(1, ada.token);
      return stream;
    };
    return { parley, ada, roomId, open };
  }

  test("make no second event where the first did, whatever undid it since", async () => {
    const { ada, roomId, open } = await start();
    const operations = [
      edit(roomId, "one"),
      edit(roomId, "two"),
      reaction(roomId, "addReaction"),
      reaction(roomId, "removeReaction"),
    ];
    const first = await Promise.all(open().write(1, ...operations));
    await ada.calls.editMessage({ roomId, seq: 2n, text: "from elsewhere" });
    const again = await Promise.all(open().writeAs(1, { again: true }, ...operations));
    expect(again).toEqual(first.map((ack) => ({ ...(ack as object), replayed: true })));
    expect(await timelineOf(ada, roomId)).toHaveLength(7);
    expect((await ada.calls.getMessage({ roomId, seq: 2n })).message?.text).toBe("from elsewhere");
  });

  test("while the former stream's are still under way, in either order", async () => {
    const { ada, roomId, open } = await start();
    const [late, next] = [open(), open()];
    const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`);
    const operations = texts.map((text) => edit(roomId, text));
    const all = [...late.write(1, ...operations), ...next.writeAs(1, { again: true }, ...operations)];
    const acks = (await Promise.all(all)) as { seq: bigint }[];
    expect(acks.slice(200).map(({ seq }) => seq)).toEqual(acks.slice(0, 200).map(({ seq }) => seq));
    expect(await timelineOf(ada, roomId)).toHaveLength(202);
    expect((await ada.calls.getMessage({ roomId, seq: 2n })).message?.text).toBe("text 199");
  });

  test("are told apart from another gateway's", async () => {
    const { ada, roomId, open } = await start();
    await open().write(1, edit(roomId, "one"))[0];
    expect(await open(newId()).write(1, edit(roomId, "two"))[0]).toMatchObject({ seq: 4n, replayed: false });
    expect((await ada.calls.getMessage({ roomId, seq: 2n })).message?.text).toBe("two");
  });

  test("are not refused by a rate that has counted them", async () => {
    const parley = await startTestMessage({ sendsPerUser: { count: 1, perMs: 3_600_000 } });
    const [ada] = await parley.people();
    const roomId = await parley.roomOf(ada);
    const stream = openStream(parley);
    stream.introduce(1, ada.token);
    const post = send(roomId, "one");
    expect(await stream.write(1, post)[0]).toMatchObject({ replayed: false });
    expect(await stream.write(1, post)[0]).toBe("RATE_LIMITED");
    expect(await stream.writeAs(1, { again: true }, post)[0]).toMatchObject({ replayed: true });
  });
});
