import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, ok, type Person, reasonOf, roomOf, timelineOf } from "./api.ts";
import type { Answer } from "./clients/answer.ts";
import type { Frame } from "./frame-inbox.ts";
import { connect, type RealtimeClient } from "./realtime-client.ts";

const flood = 3000;
const retryInfo = "type.googleapis.com/google.rpc.RetryInfo";

/** With so few writes in flight allowed, a flood of some thousand is more than can be done. */
describe.each(topologies)("overload: $name", ({ start }) => {
  let stack: Stack;
  let api: Api;
  let flooder: Person;
  let other: Person;
  let roomId: string;

  beforeAll(async () => {
    stack = await start({ env: { PARLEY_MAX_WRITES_IN_FLIGHT: "50" } });
    api = createApi(stack.url);
    [flooder, other] = (await api.people(2)) as [Person, Person];
    roomId = await roomOf(flooder, other);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  /** Sends them all without waiting, and answers what became of each. */
  async function floodBy(client: RealtimeClient): Promise<{ acked: Frame[]; refused: Frame[] }> {
    const answers = await Promise.all(
      Array.from({ length: flood }, () =>
        client.request({ send: { roomId, clientId: newClientId(), text: "flood" } }),
      ),
    );
    return {
      acked: answers.filter((answer) => answer.ack),
      refused: answers.filter((answer) => answer.error),
    };
  }

  test.each(["parley.v1.json", "parley.v1.proto"] as const)(
    "by %s: too much is OVERLOADED and told when to come back; what is acked is delivered once, in order",
    async (subprotocol) => {
      const watcher = await connect(stack.socketUrl, other.accessToken);
      const client = await connect(stack.socketUrl, flooder.accessToken, { subprotocol });
      const before = (await timelineOf(other, roomId)).length;
      const { acked, refused } = await floodBy(client);
      expect(acked.length).toBeGreaterThan(0);
      expect(refused.length).toBeGreaterThan(0);
      for (const { error } of refused) {
        expect(reasonOf(error)).toBe("OVERLOADED");
        expect(error.details.find((each: Frame) => each["@type"] === retryInfo)?.retryDelay).toMatch(/^\d/);
      }

      const seqs = acked.map(({ ack }) => Number(ack.seq)).sort((a, b) => a - b);
      expect(seqs).toEqual(seqs.map((_, i) => before + 1 + i));
      await watcher.untilSeq(roomId, before + seqs.length);
      expect(watcher.events(roomId).map(({ seq }) => Number(seq))).toEqual(seqs);
      expect(await timelineOf(other, roomId)).toHaveLength(before + seqs.length);

      const again = () => client.request({ send: { roomId, clientId: newClientId(), text: "and now" } });
      await expect.poll(async () => (await again()).ack?.seq, { message: "it recovers" }).toBeDefined();
      watcher.close();
      client.close();
    },
  );

  test("calls are refused as well, with Retry-After, and those that keep a session are not", async () => {
    const client = await connect(stack.socketUrl, flooder.accessToken);
    const call = () => other.post(`/v1/rooms/${roomId}/messages`, { clientId: newClientId(), text: "call" });
    /** The flood and the calls race; sooner or later some of them meet. */
    async function refusedCall(): Promise<Answer | undefined> {
      const flooding = floodBy(client);
      const calls = await Promise.all(Array.from({ length: 100 }, call));
      await flooding;
      return calls.find(({ status }) => status === 503);
    }
    let refused: Answer | undefined;
    for (let round = 0; refused === undefined && round < 20; round++) refused = await refusedCall();
    expect(reasonOf(refused?.body)).toBe("OVERLOADED");
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    await ok(api.call("POST", "/v1/auth/refresh", { body: { refreshToken: other.refreshToken } }));
    client.close();
  });
});
