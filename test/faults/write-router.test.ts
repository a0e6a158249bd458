import { create, type MessageInitShape } from "@bufbuild/protobuf";
import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import {
  type MessageInternalService,
  WriteSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { backoff, turns } from "../../gateway/realtime/test-connection.ts";
import { createTestReplicas } from "../../gateway/realtime/test-replicas.ts";
import { createRandom } from "../../gateway/realtime/test-world.ts";
import { createWriteRouter, type Outcome } from "../../gateway/realtime/write-router.ts";
import { newId } from "../../services/common/ids.ts";
import {
  given,
  type Person,
  startTestMessage,
  type TestMessage,
  timelineOf,
} from "../../services/message/test-message.ts";
import { createRelayedReplica } from "./relayed-replica.ts";

/** Seconds, of streams' signs of life and of who waits for them, pass when the test says so. */
beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

const ids = ["a", "b", "c"];
const steps = 600;

/** An operation, as `create` takes it. */
type Asking = NonNullable<MessageInitShape<typeof WriteSchema>["operation"]>;

/** One connection in one room: what it asked for, in order. Only this one edits and reacts to `target`. */
interface Lane {
  readonly slot: number;
  readonly author: Person;
  readonly roomId: string;
  readonly target: bigint;
  readonly posts: { clientId: string; seq?: bigint }[];
  edits: number;
  reactions: number;
}

async function createLanes(people: Person[], roomIds: string[], introduce: (token: string) => number) {
  const lanes: Lane[] = [];
  for (const author of people) {
    for (const slot of [introduce(author.token), introduce(author.token)]) {
      for (const roomId of roomIds) {
        const { seq: target } = await author.send(roomId, "target");
        lanes.push({ slot, author, roomId, target, posts: [], edits: 0, reactions: 0 });
      }
    }
  }
  return lanes;
}

async function live(parley: TestMessage, seed: number): Promise<void> {
  const random = createRandom(seed);
  const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
  const relays = new Map(ids.map((id) => [id, createRelayedReplica(parley.internal)]));
  const replicas = createTestReplicas<typeof MessageInternalService>((id) => given(relays.get(id)).client);
  replicas.set(...ids);
  const stop = new AbortController();
  const router = createWriteRouter({
    replicas,
    linkId: newId(),
    backoff,
    unavailable: () => create(StatusSchema, { code: 14, message: "unavailable" }),
    overloaded: () => create(StatusSchema, { code: 8, message: "overloaded" }),
    giveUpMs: Number.POSITIVE_INFINITY,
    logger: pino({ enabled: false }),
  });
  const running = router.run(stop.signal);
  const people = (await parley.people(3)).slice(0, 2);
  const roomIds = await Promise.all(ids.map(() => parley.roomOf(people[0]!, people[1]!)));
  const lanes = await createLanes(people, roomIds, router.introduce);
  const faults: string[] = [];
  let answers = 0;
  let asked = 0;

  function ask(lane: Lane, asking: Asking, acked: (seq: bigint) => void = () => {}): void {
    const { operation } = create(WriteSchema, { operation: asking });
    asked += 1;
    let answered = false;
    router.write(lane.slot, lane.roomId, operation, (outcome: Outcome) => {
      answers += 1;
      if (answered) faults.push(`${operation.case} answered twice`);
      answered = true;
      if ("error" in outcome) faults.push(`${operation.case}: ${outcome.error.message}`);
      else acked(outcome.ack.seq);
    });
  }

  function write(lane: Lane): void {
    const { roomId, target: seq } = lane;
    const what = random();
    if (what < 0.6) {
      const post: Lane["posts"][number] = { clientId: newId() };
      lane.posts.push(post);
      ask(lane, { case: "send", value: { roomId, clientId: post.clientId, text: "post" } }, (at) => {
        post.seq = at;
      });
    } else if (what < 0.8) {
      ask(lane, { case: "edit", value: { roomId, seq, text: `edit ${++lane.edits}` } });
    } else {
      const value = { roomId, seq, emoji: "👍" };
      ask(lane, { case: lane.reactions++ % 2 === 0 ? "addReaction" : "removeReaction", value });
    }
  }

  async function disturb(): Promise<void> {
    const relay = given(relays.get(pick(ids)));
    const what = random();
    if (what < 0.25) relay.hang();
    else if (what < 0.5) relay.wake();
    else if (what < 0.6) relay.kill();
    else if (what < 0.75) relay.start();
    else if (what < 0.85) replicas.set(...ids.filter(() => random() < 0.7));
    else await second();
  }

  async function second(): Promise<void> {
    vi.advanceTimersByTime(1000);
    await turns(10);
  }

  for (let step = 0; step < steps; step++) {
    for (let i = Math.floor(random() * 6); i > 0; i--) write(pick(lanes));
    if (random() < 0.15) await disturb();
    await turns(Math.floor(random() * 3));
  }
  replicas.set(...ids);
  for (const relay of relays.values()) {
    relay.start();
    relay.wake();
  }
  await expect.poll(() => second().then(() => router.unanswered), { timeout: 20_000 }).toBe(0);
  stop.abort();
  await running;

  expect(faults).toEqual([]);
  expect(answers).toBe(asked);
  await check(lanes, roomIds);
}

/** Everything once, each lane in its order. */
async function check(lanes: readonly Lane[], roomIds: readonly string[]): Promise<void> {
  for (const roomId of roomIds) {
    const inRoom = lanes.filter((lane) => lane.roomId === roomId);
    const events = await timelineOf(given(inRoom[0]).author, roomId);
    let expected = 0;
    for (const { posts, target, edits, reactions } of inRoom) {
      const clientIds = new Set(posts.map(({ clientId }) => clientId));
      const posted = events.flatMap(({ seq, body }) =>
        body.case === "messagePosted" && clientIds.has(body.value.clientId)
          ? [{ clientId: body.value.clientId, seq }]
          : [],
      );
      expect(posted).toEqual(posts);
      const edited = events.flatMap(({ body }) =>
        body.case === "messageEdited" && body.value.messageSeq === target ? [body.value.text] : [],
      );
      expect(edited).toEqual(Array.from({ length: edits }, (_, i) => `edit ${i + 1}`));
      const reacted = events.flatMap(({ body }) =>
        (body.case === "reactionAdded" || body.case === "reactionRemoved") && body.value.messageSeq === target
          ? [body.case]
          : [],
      );
      expect(reacted).toEqual(
        Array.from({ length: reactions }, (_, i) => (i % 2 === 0 ? "reactionAdded" : "reactionRemoved")),
      );
      expected += posts.length + edits + reactions;
    }
    // Two joins, and each lane's target.
    expect(events).toHaveLength(2 + inRoom.length + expected);
  }
}

test("whatever comes, goes, hangs and wakes up: everything is done once, in order, and answered once", async () => {
  const parley = await startTestMessage();
  for (let seed = 1; seed <= 8; seed++) {
    await live(parley, seed).catch((cause: unknown) => {
      throw new Error(`with seed ${seed}`, { cause });
    });
  }
}, 120_000);
