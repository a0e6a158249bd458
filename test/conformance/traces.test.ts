import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../otlp-receiver.ts";
import { type Stack, topologies } from "../stack.ts";
import { createApi, type Person, roomOf } from "./api.ts";
import { connect } from "./realtime-client.ts";

describe.each(topologies)("traces: $name", ({ start }) => {
  let receiver: OtlpReceiver;
  let stack: Stack;
  let person: Person;
  let roomId: string;

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    stack = await start({ env: { PARLEY_TRACES_URL: receiver.url, PARLEY_TRACES_SAMPLE: "1" } });
    const api = createApi(stack.url);
    [person] = (await api.people(1)) as [Person];
    roomId = await roomOf(person);
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  async function received(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
    await expect.poll(() => receiver.spans.some(matches), { timeout: 15_000 }).toBe(true);
    return receiver.spans.find(matches)!;
  }

  test("one trace shows a message from socket to socket", async () => {
    const client = await connect(stack.socketUrl, person.accessToken, { subprotocol: "parley.v1.json" });
    const text = "a secret that no trace may hold";
    const { ack } = await client.request({ send: { roomId, clientId: "traced", text } });
    await client.untilSeq(roomId, Number(ack.seq));

    const send = await received(({ name }) => name === "websocket send");
    const { traceId } = send;
    const part = (name: string) => received((span) => span.traceId === traceId && span.name === name);
    const append = await part("message append");
    const commit = await part("message commit");
    const publish = await part("event log publish");
    const handOver = await part("delivery hand over");
    const fanOut = await part("gateway fan-out");
    expect(send.parentSpanId).toBe("");
    expect(append.parentSpanId).toBe(send.spanId);
    expect(commit.parentSpanId).toBe(append.spanId);
    expect(publish.parentSpanId).toBe(append.spanId);
    expect(handOver.parentSpanId).toBe(publish.spanId);
    expect(fanOut.parentSpanId).toBe(handOver.spanId);
    expect(receiver.raw().includes(text)).toBe(false);
    expect(receiver.raw().includes(person.accessToken)).toBe(false);
    expect(receiver.raw().includes("service.version")).toBe(true);
    client.close();
  });

  test("a call goes on with its client's trace, or with that it isn't traced", async () => {
    const [traceId, untraced] = ["4bf92f3577b34da6a3ce929d0e0e4736", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"];
    const send = (clientId: string, traceparent: string) =>
      fetch(`${stack.url}/v1/rooms/${roomId}/messages`, {
        method: "POST",
        headers: { authorization: `Bearer ${person.accessToken}`, traceparent },
        body: JSON.stringify({ clientId, text: "hello" }),
      });
    expect((await send("off", `00-${untraced}-00f067aa0ba902b7-00`)).status).toBe(200);
    expect((await send("on", `00-${traceId}-00f067aa0ba902b7-01`)).status).toBe(200);

    const call = await received(({ name, traceId: of }) => of === traceId && name.endsWith("/SendMessage"));
    expect(call).toMatchObject({
      name: "parley.message.v1.MessageService/SendMessage",
      parentSpanId: "00f067aa0ba902b7",
    });
    const append = await received(({ name, traceId: of }) => of === traceId && name === "message append");
    expect(append.parentSpanId).toBe(call.spanId);
    expect(receiver.spans.some((span) => span.traceId === untraced)).toBe(false);
  });

  test("only a trusted proxy decides that more is traced than our part", async () => {
    const env = { PARLEY_TRACES_URL: receiver.url, PARLEY_TRACES_SAMPLE: "0" };
    const traceOf = async (name: string, more: Record<string, string>) => {
      await using other = await start({ env: { ...env, ...more } });
      const [caller] = await createApi(other.url).people(1);
      const traceId = randomUUID().replaceAll("-", "");
      const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
      const headers = { authorization: `Bearer ${caller?.accessToken}`, traceparent };
      expect((await fetch(`${other.url}/v1/users/me`, { headers })).status, name).toBe(200);
      // Its last spans are sent before it ends.
      expect(await other.terminate()).toBe(0);
      return receiver.spans.filter((span) => span.traceId === traceId).length;
    };
    expect(await traceOf("a stranger", {})).toBe(0);
    expect(await traceOf("a proxy", { PARLEY_TRUSTED_PROXIES: "127.0.0.1" })).toBeGreaterThan(0);
  }, 90_000);
});
