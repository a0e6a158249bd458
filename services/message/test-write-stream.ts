import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, onTestFinished } from "vitest";
import {
  type WriteRequestSchema,
  type WriteResult,
  WriteSchema,
} from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { createAsyncQueue } from "../common/async-queue.ts";
import { fromStatus, reasonOf } from "../common/errors.ts";
import { newId } from "../common/ids.ts";
import { given, type TestMessage } from "./test-message.ts";

/** What a Write asks for. */
export type Operation = NonNullable<MessageInitShape<typeof WriteSchema>["operation"]>;

/** For tests: a gateway's side of a stream of writes. */
export function openStream({ internal }: TestMessage, linkId = newId()) {
  const requests = createAsyncQueue<MessageInitShape<typeof WriteRequestSchema>>(10_000);
  const results = new Map<bigint, WriteResult>();
  const order: bigint[] = [];
  let lastId = 0n;
  let responses = 0;
  requests.push({ linkId });
  const done = (async () => {
    for await (const response of internal.write(requests)) {
      responses += 1;
      for (const result of response.results) {
        expect(results.has(result.id)).toBe(false);
        results.set(result.id, result);
        order.push(result.id);
      }
    }
  })();
  // At the end of the test the service closes under it.
  done.catch(() => undefined);
  onTestFinished(() => requests.end());
  const outcome = async (id: bigint) => {
    await expect.poll(() => results.has(id), { timeout: 30_000, interval: 5 }).toBe(true);
    const { outcome } = given(results.get(id));
    if (outcome.case === "ack") return outcome.value;
    return reasonOf(fromStatus(given(outcome.value)));
  };
  return {
    order,
    done,
    get responses() {
      return responses;
    },
    end: () => requests.end(),
    introduce: (slot: number, accessToken: string) =>
      requests.push({ introductions: [{ slot: BigInt(slot), accessToken }] }),
    retire: (slot: number) => requests.push({ retiredSlots: [BigInt(slot)] }),
    /** All in one request; answers what becomes of each. */
    write(slot: number, ...operations: Operation[]) {
      return this.writeAs(slot, {}, ...operations);
    },
    /** With further fields. */
    writeAs(slot: number, init: { again?: boolean }, ...operations: Operation[]) {
      const slotNo = BigInt(slot);
      const writes = operations.map((operation) => ({ ...init, id: ++lastId, slot: slotNo, operation }));
      requests.push({ writes: writes.map((write) => create(WriteSchema, write)) });
      return writes.map(({ id }) => outcome(id));
    },
  };
}

/** A post under a new client id. */
export const send = (roomId: string, text: string, clientId = newId()): Operation => ({
  case: "send",
  value: { roomId, clientId, text },
});
