import { create, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { pino } from "pino";
import { expect, test } from "vitest";
import {
  type DeliveryService,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import { TimelineEventSchema } from "#gen/parley/message/v1/timeline_pb.js";
import { createDeliveryLink } from "./delivery-link.ts";
import { turns } from "./test-connection.ts";
import { useLinkSetting } from "./test-links.ts";
import { createTestStreams } from "./test-stream.ts";

const setting = useLinkSetting();

test("events that Delivery in this process passes on in their bytes are decoded", async () => {
  const server = createTestStreams<WatchRequest, WatchResponse>();
  const received: WatchResponse[] = [];
  const link = createDeliveryLink({
    delivery: { watch: server.call } as unknown as Client<typeof DeliveryService>,
    interest: { rooms: new Set(["r"]), users: new Set(), ref: 1n },
    received: (response) => void received.push(response),
    changed() {},
    backoff: setting.backoff,
    logger: pino({ enabled: false }),
  });
  const running = link.run(setting.signal);
  await turns();
  const event = create(TimelineEventSchema, { roomId: "r", seq: 3n, actorId: "u" });
  const traces = [{ roomId: "r", seq: 3n, traceparent: "t" }];
  const passedOn = create(WatchResponseSchema, { traces });
  const bytes = toBinary(TimelineEventSchema, event);
  passedOn.$unknown = [{ no: 2, wireType: 2, data: new Uint8Array([bytes.length, ...bytes]) }];
  const [stream] = server.streams;
  await stream!.answer(passedOn);
  await stream!.answer(create(WatchResponseSchema, { events: [event] }));
  expect(received.map(({ events }) => events)).toEqual([[event], [event]]);
  expect(received[0]?.traces).toEqual(passedOn.traces);
  setting.stop();
  await running;
});
