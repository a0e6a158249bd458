import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { status } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { expect, test } from "vitest";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { faultOf } from "./client.ts";
import { clientOf, closing, startPort } from "./port.ts";

/** Well below the grace that calls under way have. */
const atOnceMs = 2500;

const elapsed = async (work: Promise<unknown>) => {
  const started = performance.now();
  await work;
  return performance.now() - started;
};

/** A call that says which method it means, and nothing else yet. */
function callOf(session: ClientHttp2Session): ClientHttp2Stream {
  const call = session.request({
    ":method": "POST",
    ":path": "/parley.room.v1.RoomService/GetRoom",
    "content-type": "application/grpc",
    te: "trailers",
  });
  call.on("error", () => {});
  return call;
}

function sessionOf(url: string): ClientHttp2Session {
  const session = connect(url);
  session.on("error", () => {});
  closing.push(() => session.destroy());
  return session;
}

test("closing waits for calls, and cuts off what doesn't end", async () => {
  const { url, seen, grpc } = await startPort();
  const client = clientOf(url);
  await faultOf(client.unary(RoomService.method.getRoom, {}));
  const call = faultOf(client.unary(RoomService.method.listRooms, {}, { deadline: Date.now() + 1000 }));
  await seen.begun;
  await grpc.close();
  await seen.slow;
  expect(await call).toMatchObject({ code: status.DEADLINE_EXCEEDED });
});

test("closing does not wait for calls whose message has not come", async () => {
  const { url, grpc } = await startPort();
  const session = sessionOf(url);
  const [silent, half] = [callOf(session), callOf(session)];
  half.write(Buffer.of(0, 0, 0, 0, 9, 1));
  await once(session, "remoteSettings");
  // What is answered came after them.
  const whole = callOf(session);
  whole.end(Buffer.alloc(5));
  await once(whole, "response");
  const answers = [silent, half].map((call) => once(call, "response"));
  expect(await elapsed(grpc.close())).toBeLessThan(atOnceMs);
  for (const [headers] of await Promise.all(answers))
    expect(headers).toMatchObject({ "grpc-status": String(status.UNAVAILABLE) });
});

test("closing ends those who watch the health, once they know", async () => {
  const { url, grpc } = await startPort();
  const { channel } = clientOf(url);
  const { path, requestSerialize, responseDeserialize } = healthService.Watch as NonNullable<
    (typeof healthService)[string]
  >;
  const watching = channel.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
    service: "",
  });
  const told: string[] = [];
  watching.on("data", (answer: { status: string }) => told.push(answer.status));
  const fault = new Promise((resolve) => watching.once("error", resolve));
  await expect.poll(() => told).toEqual(["NOT_SERVING"]);
  expect(await elapsed(grpc.close())).toBeLessThan(atOnceMs);
  expect(await fault).toMatchObject({ code: status.UNAVAILABLE });
});

test("a call without a message, or with two, is refused as on every surface", async () => {
  const { url } = await startPort();
  const session = sessionOf(url);
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(10)]) {
    const call = callOf(session);
    call.end(bytes);
    const [headers] = await once(call, "response");
    expect(headers).toMatchObject({ "grpc-status": String(status.INVALID_ARGUMENT) });
    expect(headers["grpc-status-details-bin"]).toBeDefined();
  }
});
