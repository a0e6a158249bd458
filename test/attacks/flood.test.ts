import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Api,
  createApi,
  newClientId,
  ok,
  type Person,
  reasonOf,
  roomOf,
  timelineOf,
} from "../conformance/api.ts";
import type { Frame } from "../conformance/frame-inbox.ts";
import { connect, type RealtimeClient, type Subprotocol } from "../conformance/realtime-client.ts";
import { type Stack, startOneProcess } from "../stack.ts";

const flooders = 4;
/** Sends that a flooder has unanswered at once, several times what may be in flight. */
const volley = 300;
const sends = 20;
/** What the bystander has to bear for one message, repeated until it is accepted. Generous: all share the machine. */
const patienceMs = 20_000;

interface Flood {
  /** What was acknowledged: seq by clientId. */
  readonly acked: ReadonlyMap<string, number>;
  readonly refused: ReadonlySet<string>;
}

/** With so few writes in flight allowed, a handful of clients is more than can be done. */
describe("several who flood at once", () => {
  let stack: Stack;
  let api: Api;
  let owner: Person;
  let bystander: Person;
  let crowd: Person[];
  let watched: Person;

  beforeAll(async () => {
    stack = await startOneProcess({ env: { PARLEY_MAX_WRITES_IN_FLIGHT: "50" } });
    api = createApi(stack.url);
    [owner, bystander, watched, ...crowd] = (await api.people(3 + flooders)) as [Person, Person, Person];
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const send = (client: RealtimeClient, roomId: string, clientId: string) =>
    client.request({ send: { roomId, clientId, text: "one of many" } });

  /** Volley after volley, until told that it is enough; none is repeated. */
  async function flood(person: Person, roomId: string, as: { subprotocol: Subprotocol; over(): boolean }) {
    const client = await connect(stack.socketUrl, person.accessToken, as);
    const acked = new Map<string, number>();
    const refused = new Set<string>();
    async function one(): Promise<void> {
      const clientId = newClientId();
      const { ack, error } = await send(client, roomId, clientId);
      if (ack) acked.set(clientId, Number(ack.seq));
      else if (reasonOf(error) === "OVERLOADED") refused.add(clientId);
      else throw new Error(`neither acked nor OVERLOADED: ${JSON.stringify(error)}`);
    }
    do await Promise.all(Array.from({ length: volley }, one));
    while (!as.over());
    client.close();
    return { acked, refused } satisfies Flood;
  }

  /** One message, by one clientId, as often as it takes. */
  async function persist(client: RealtimeClient, roomId: string): Promise<[clientId: string, seq: number]> {
    const clientId = newClientId();
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const { ack, error } = await send(client, roomId, clientId);
      if (ack) return [clientId, Number(ack.seq)];
      expect(reasonOf(error)).toBe("OVERLOADED");
      expect(performance.now(), "the bystander gets a turn").toBeLessThan(deadline);
      await delay(20);
    }
  }

  /** Starts the floods, half of them by each subprotocol, does the work beside them, and ends them. */
  async function beside<T>(
    roomIds: string[],
    work: () => Promise<T>,
  ): Promise<{ floods: Flood[]; result: T }> {
    let isOver = false;
    const floods = Promise.all(
      crowd.map((person, i) =>
        flood(person, roomIds[i % roomIds.length] as string, {
          subprotocol: i < flooders / 2 ? "parley.v1.json" : "parley.v1.proto",
          over: () => isOver,
        }),
      ),
    );
    const [result, done] = await Promise.all([work().finally(() => (isOver = true)), floods]);
    return { floods: done, result };
  }

  const byClientId = (events: Frame[]): [string, number][] =>
    events.flatMap(({ seq, messagePosted }) =>
      messagePosted ? [[messagePosted.clientId, Number(seq)] as [string, number]] : [],
    );

  test("leave others their turn; what was acked stands once, where the ack said, for who watches too", async () => {
    const [shared, own] = await Promise.all([
      roomOf(owner, bystander, watched, ...crowd),
      roomOf(owner, watched, ...crowd),
    ]);
    const heads = { [shared]: flooders + 3, [own]: flooders + 2 };
    const watcher = await connect(stack.socketUrl, watched.accessToken);
    const client = await connect(stack.socketUrl, bystander.accessToken);
    const { floods, result } = await beside([shared, own], async () => {
      const acked: [string, number][] = [];
      for (let i = 0; i < sends; i++) acked.push(await persist(client, shared));
      return acked;
    });

    expect(result.map(([, seq]) => seq)).toEqual(result.map(([, seq]) => seq).toSorted((a, b) => a - b));
    expect(floods.some(({ refused }) => refused.size > 0)).toBe(true);
    const acked = new Map([...floods.flatMap((each) => [...each.acked]), ...result]);
    let stored = 0;
    for (const roomId of [shared, own]) {
      const timeline = await timelineOf(watched, roomId);
      expect(timeline.map(({ seq }) => Number(seq))).toEqual(timeline.map((_, i) => i + 1));
      const posted = byClientId(timeline);
      stored += posted.length;
      for (const [clientId, seq] of posted) expect(acked.get(clientId), clientId).toBe(seq);

      await watcher.untilSeq(roomId, timeline.length);
      const seen = watcher.events(roomId);
      expect(seen.map(({ seq }) => Number(seq))).toEqual(seen.map((_, i) => (heads[roomId] ?? 0) + 1 + i));
      expect(byClientId(seen)).toEqual(posted);
    }
    expect(stored, "each of them once").toBe(acked.size);
    expect(watcher.frames.filter((frame) => frame.gap)).toEqual([]);
    watcher.close();
    client.close();
  });

  test("history is refused before sends are, and comes back after them", async () => {
    const roomId = await roomOf(owner, bystander, ...crowd);
    const client = await connect(stack.socketUrl, bystander.accessToken);
    const read = () => bystander.get(`/v1/rooms/${roomId}/messages?pageSize=200`);
    const { result } = await beside([roomId], async () => {
      let [refused, acked] = [0, 0];
      const deadline = performance.now() + patienceMs;
      while (refused === 0 || acked < sends) {
        const reads = Promise.all(Array.from({ length: 20 }, read));
        await persist(client, roomId);
        acked += 1;
        for (const { status, body, headers } of await reads) {
          if (status === 200) continue;
          expect([status, reasonOf(body)]).toEqual([503, "OVERLOADED"]);
          expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
          refused += 1;
        }
        expect(performance.now(), "history is refused").toBeLessThan(deadline);
      }
      return { refused, acked };
    });
    expect(result.acked).toBeGreaterThanOrEqual(sends);
    await expect.poll(async () => (await read()).status, { message: "it recovers" }).toBe(200);
    await ok(bystander.get("/v1/users/me"));
    expect(stack.output()).not.toMatch(/"level":"(error|fatal)"/);
    client.close();
  });
});
