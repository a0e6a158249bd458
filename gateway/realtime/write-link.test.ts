import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import {
  type MessageInternalService,
  type WriteRequest,
  type WriteResponse,
  WriteResponseSchema,
  WriteSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { backoff, turns, until } from "./test-connection.ts";
import { useLinkSetting } from "./test-links.ts";
import { createTestStreams, type TestStream } from "./test-stream.ts";
import { createWriteLink } from "./write-link.ts";

type Stream = TestStream<WriteRequest, WriteResponse>;

const setting = useLinkSetting();

async function start() {
  const { streams, call } = createTestStreams<WriteRequest, WriteResponse>();
  const answered: bigint[] = [];
  const stood: boolean[] = [];
  const link = createWriteLink({
    messages: { write: call } as unknown as Client<typeof MessageInternalService>,
    linkId: "gateway",
    answered: ({ id }) => void answered.push(id),
    changed: () => void stood.push(link.stands),
    backoff,
    logger: pino({ enabled: false }),
  });
  void link.run(setting.signal);
  await turns();
  const last = () => streams.at(-1) as Stream;
  const live = () => last().answer(create(WriteResponseSchema));
  const write = (slot: number, ...ids: number[]) => {
    for (const id of ids)
      link.write({ slot, accessToken: `token ${slot}` }, create(WriteSchema, { id: BigInt(id) }));
  };
  return { link, streams, answered, stood, last, live, write };
}

const writesOf = ({ requests }: Stream) =>
  requests.flatMap(({ writes }) => writes.map(({ id }) => Number(id)));
const introducedTo = ({ requests }: Stream) =>
  requests.flatMap(({ introductions }) => introductions.map(({ slot }) => Number(slot)));

test("a stream begins with the gateway's id, and stands with its first sign of life", async () => {
  const { link, last, live, stood } = await start();
  expect(last().requests).toMatchObject([{ linkId: "gateway" }]);
  expect(link.stands).toBe(false);
  await live();
  await live();
  expect(link.stands).toBe(true);
  expect(stood).toEqual([true]);
});

test("introduces callers with their first write, and sends those of one turn together", async () => {
  const { link, last, live, write, answered } = await start();
  await live();
  write(1, 1, 2);
  write(2, 3);
  await turns();
  write(1, 4);
  link.retire({ slot: 1, accessToken: "" });
  link.retire({ slot: 3, accessToken: "" });
  await turns();
  const [, first, second] = last().requests;
  expect(first).toMatchObject({ introductions: [{ slot: 1n, accessToken: "token 1" }, { slot: 2n }] });
  expect(first?.writes.map(({ id }) => id)).toEqual([1n, 2n, 3n]);
  expect(second).toMatchObject({ introductions: [], writes: [{ id: 4n }], retiredSlots: [1n] });
  await last().answer(create(WriteResponseSchema, { results: [{ id: 2n }, { id: 1n }] }));
  expect(answered).toEqual([2n, 1n]);
});

test("much travels in several requests, in order", async () => {
  const { last, live, write } = await start();
  await live();
  const ids = Array.from({ length: 450 }, (_, i) => i);
  write(1, ...ids);
  await turns();
  expect(writesOf(last())).toEqual(ids);
  const sizes = last().requests.map(({ writes }) => writes.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
});

test("what a broken stream knew, and what was not sent yet, is not carried over", async () => {
  const { link, streams, last, live, write, stood } = await start();
  await live();
  write(1, 1);
  await turns();
  write(1, 2);
  await streams[0]?.breakOff();
  await until(() => streams.length === 2);
  expect(link.stands).toBe(false);
  await live();
  write(1, 3);
  await turns();
  expect(introducedTo(last())).toEqual([1]);
  expect(writesOf(last())).toEqual([3]);
  expect(stood).toEqual([true, false, true]);
});

test("a stream that is silent for seconds is given up for another", async () => {
  const { link, streams, live } = await start();
  await live();
  for (let sign = 0; sign < 5; sign++) {
    vi.advanceTimersByTime(3000);
    await live();
  }
  expect(streams).toHaveLength(1);
  vi.advanceTimersByTime(4000);
  await until(() => streams.length === 2);
  expect(link.stands).toBe(false);
});
