import { setImmediate as turn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { createOutbox } from "./outbox.ts";
import type { OutboxEntry } from "./outbox-entry.ts";
import { completeStorage } from "./storage-locks.ts";

const room = "room";
const refusal = (reason: string, code: Code, retryAfter?: number) =>
  new ParleyError("no", { reason, code, retryAfter });

/** A server that takes each client id once. */
function setUp() {
  const storage = createMemoryStorage();
  const posts: string[] = [];
  const answers: unknown[] = [];
  const ids = new Map<string, bigint>();
  const deliver = vi.fn(async ({ clientId, text }: OutboxEntry) => {
    await turn();
    const answer = answers.shift();
    // What was lost is the answer.
    if (answer === "lost" || answer === undefined) {
      if (!ids.has(clientId)) posts.push(text);
      ids.set(clientId, ids.get(clientId) ?? BigInt(posts.length));
    }
    if (answer === "lost") throw refusal("UNAVAILABLE", Code.Unavailable);
    if (answer !== undefined) throw answer;
    return ids.get(clientId)!;
  });
  const open = (userId = "ada") => {
    const outbox = createOutbox({ storage: completeStorage(storage), deliver, onChange: () => {} });
    outbox.open(userId);
    return outbox;
  };
  const stored = async () => (await storage.entries("outbox/")).length;
  return { storage, posts, answers, ids, deliver, open, stored };
}

const states = (outbox: ReturnType<ReturnType<typeof setUp>["open"]>) =>
  outbox.of(room).map(({ text, state }) => `${text} ${state}`);
const live = () => new AbortController();

afterEach(() => void vi.restoreAllMocks());

describe("an outbox", () => {
  test("keeps messages until they can be sent, and sends them in order", async () => {
    const { open, posts, stored } = setUp();
    const outbox = open();
    const texts = Array.from({ length: 30 }, (_, index) => `${index}`);
    for (const text of texts) outbox.send(room, text, undefined);
    expect(outbox.of(room).map(({ text }) => text)).toEqual(texts);
    await expect.poll(stored).toBe(30);
    expect(posts).toEqual([]);
    outbox.begin(live().signal);
    await expect.poll(() => posts).toEqual(texts);
    await expect.poll(stored).toBe(0);
    await expect.poll(() => new Set(outbox.of(room).map(({ state }) => state))).toEqual(new Set(["sent"]));
  });

  test("forgets what is sent when its event comes, before or after the answer", async () => {
    const { open, ids, stored } = setUp();
    const outbox = open();
    const { clientId } = outbox.send(room, "one", undefined);
    const event = create(TimelineEventSchema, {
      roomId: room,
      seq: 1n,
      actorId: "ada",
      body: { case: "messagePosted", value: { clientId, text: "one" } },
    });
    outbox.begin(live().signal);
    await expect.poll(() => ids.size).toBe(1);
    outbox.settle(event);
    expect(outbox.of(room)).toEqual([]);
    await expect.poll(stored).toBe(0);
    expect(outbox.of(room)).toEqual([]);
    const second = outbox.send(room, "two", undefined);
    await expect.poll(() => states(outbox)).toEqual(["two sent"]);
    outbox.settle({
      ...event,
      seq: 2n,
      body: { case: "messagePosted", value: { ...event.body.value!, clientId: second.clientId } as never },
    });
    expect(outbox.of(room)).toEqual([]);
  });

  test("sends again what wasn't answered, which posts it once", async () => {
    const { open, posts, answers, deliver } = setUp();
    vi.spyOn(Math, "random").mockReturnValue(0.1);
    answers.push(
      "lost",
      refusal("OVERLOADED", Code.Unavailable),
      refusal("RATE_LIMITED", Code.ResourceExhausted, 5),
    );
    const outbox = open();
    outbox.begin(live().signal);
    outbox.send(room, "one", undefined);
    outbox.send(room, "two", undefined);
    await expect.poll(() => posts, { timeout: 5000 }).toEqual(["one", "two"]);
    expect(deliver).toHaveBeenCalledTimes(5);
  });

  test("fails what is refused for good, and goes on with the next", async () => {
    const { open, posts, answers } = setUp();
    answers.push(refusal("INVALID_ARGUMENT", Code.InvalidArgument));
    const outbox = open();
    outbox.begin(live().signal);
    const { clientId } = outbox.send(room, "one", undefined);
    outbox.send(room, "two", undefined);
    await expect.poll(() => states(outbox)).toEqual(["one failed", "two sent"]);
    expect(outbox.of(room)[0]?.error).toMatchObject({ reason: "INVALID_ARGUMENT" });
    const again = open();
    await expect.poll(() => states(again)).toEqual(["one failed"]);
    outbox.retry(room, clientId);
    await expect.poll(() => posts).toEqual(["two", "one"]);
    await expect.poll(() => states(again)).not.toContain("one failed");
  });

  test("outlives the client: another one sends what it left, once", async () => {
    const { open, posts, answers, stored } = setUp();
    answers.push("lost", refusal("UNAVAILABLE", Code.Unavailable));
    const first = open();
    const connection = live();
    first.begin(connection.signal);
    for (const text of ["one", "two", "three"]) first.send(room, text, undefined);
    await expect.poll(() => posts).toEqual(["one"]);
    connection.abort();
    const second = open();
    await expect.poll(() => states(second)).toEqual(["one pending", "two pending", "three pending"]);
    second.begin(live().signal);
    await expect.poll(() => posts, { timeout: 5000 }).toEqual(["one", "two", "three"]);
    await expect.poll(stored).toBe(0);
  });

  test("of several tabs one sends, in the order of writing, and all know", async () => {
    const { open, posts, stored, deliver } = setUp();
    let at = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => at);
    const tabs = [open(), open(), open()];
    const texts: string[] = [];
    for (let index = 0; index < 12; index += 1) {
      texts.push(`${index}`);
      tabs[index % 3]!.send(room, `${index}`, undefined);
      at += 1;
    }
    for (const tab of tabs) tab.begin(live().signal);
    await expect.poll(() => posts).toEqual(texts);
    await expect.poll(stored).toBe(0);
    expect(deliver).toHaveBeenCalledTimes(12);
    for (const tab of tabs)
      await expect.poll(() => states(tab).filter((state) => !state.endsWith("sent"))).toEqual([]);
  });

  test("brings nothing back that was done with while the storage was read", async () => {
    const { open, storage, posts } = setUp();
    const outbox = open();
    const { entries } = storage;
    const gate = Promise.withResolvers<void>();
    let reads = 0;
    storage.entries = async (prefix) => {
      const found = await entries(prefix);
      reads += 1;
      await gate.promise;
      return found;
    };
    const { clientId } = outbox.send(room, "one", undefined);
    outbox.begin(live().signal);
    // To load what is there, and to send it.
    await expect.poll(() => reads).toBe(2);
    const body = { case: "messagePosted", value: { clientId, text: "one" } } as const;
    outbox.settle(create(TimelineEventSchema, { roomId: room, seq: 1n, actorId: "ada", body }));
    expect(outbox.of(room)).toEqual([]);
    gate.resolve();
    // All that was read is gone through, and no more is there.
    await expect.poll(() => reads).toBe(3);
    expect(outbox.of(room)).toEqual([]);
    expect(posts).toEqual([]);
  });

  test("forgets what is discarded, in all tabs", async () => {
    const { open, posts } = setUp();
    const [one, other] = [open(), open()];
    const { clientId } = one.send(room, "one", undefined);
    one.send(room, "two", undefined);
    await expect.poll(() => states(other)).toEqual(["one pending", "two pending"]);
    other.discard(room, clientId);
    await expect.poll(() => states(one)).toEqual(["two pending"]);
    one.begin(live().signal);
    await expect.poll(() => posts).toEqual(["two"]);
  });

  test("keeps people apart", async () => {
    const { open, posts, stored } = setUp();
    const outbox = open();
    outbox.send(room, "ada's", undefined);
    await expect.poll(stored).toBe(1);
    outbox.open("bob");
    expect(outbox.of(room)).toEqual([]);
    outbox.begin(live().signal);
    outbox.send(room, "bob's", undefined);
    await expect.poll(() => posts).toEqual(["bob's"]);
    await outbox.forget("ada");
    expect(await stored()).toBe(0);
  });

  test("says so when it can't keep a message", async () => {
    const { open, storage } = setUp();
    const outbox = open();
    storage.set = async () => {
      throw new Error("the disk is full");
    };
    outbox.send(room, "one", undefined);
    await expect
      .poll(() => outbox.of(room)[0])
      .toMatchObject({ state: "failed", error: { reason: "STORAGE_FAILED" } });
  });
});
