import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { credentials, status } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { expect, test, vi } from "vitest";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { createTestCertificate } from "../../services/common/test-certificates.ts";
import { createGrpcClient, faultOf } from "./client.ts";
import { clientOf, closing, startPort } from "./port.ts";

test("a deadline ends the call in the service too", async () => {
  const { url, seen } = await startPort();
  const client = clientOf(url);
  // The connection is there before the time runs.
  await faultOf(client.unary(RoomService.method.getRoom, {}));
  const call = client.unary(RoomService.method.listRooms, {}, { deadline: Date.now() + 500 });
  expect(await faultOf(call)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  // Whose clock is first decides as what.
  const { code } = ConnectError.from(await seen.slow);
  expect([Code.DeadlineExceeded, Code.Canceled]).toContain(code);
});

test("a cancelled call ends in the service too", async () => {
  const { url, seen } = await startPort();
  const abort = new AbortController();
  const call = clientOf(url).unary(RoomService.method.listRooms, {}, { signal: abort.signal });
  const fault = faultOf(call);
  await seen.begun;
  abort.abort();
  expect(await fault).toMatchObject({ code: status.CANCELLED });
  expect(ConnectError.from(await seen.slow).code).toBe(Code.Canceled);
});

test("what the server says of a deadline has its reason", async () => {
  const { url } = await startPort();
  // A client that leaves it to the server to look at the clock.
  const fault = await faultOf(
    clientOf(url).unary(RoomService.method.listRooms, {}, { headers: { "grpc-timeout": "50m" } }),
  );
  expect(fault).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: "DEADLINE_EXCEEDED" });
});

test("unknown errors tell nothing, unknown methods are UNIMPLEMENTED", async () => {
  const { url } = await startPort();
  const client = clientOf(url);
  expect(await faultOf(client.unary(RoomService.method.getRoom, {}))).toMatchObject({
    code: status.INTERNAL,
    message: "internal error",
    reason: "INTERNAL",
  });
  expect(await faultOf(client.unary(AuthInternalService.method.getKeySet, {}))).toMatchObject({
    code: status.UNIMPLEMENTED,
    reason: "METHOD_NOT_ALLOWED",
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test("headers that can't be read are not printed", async () => {
  const { url } = await startPort();
  const printed = vi.spyOn(console, "error");
  closing.push(() => printed.mockRestore());
  const session = connectHttp2(url);
  closing.push(() => session.destroy());
  const call = session.request({
    ":method": "POST",
    ":path": "/parley.room.v1.RoomService/GetRoom",
    "content-type": "application/grpc",
    authorization: "Bearer s\u00e9cret",
  });
  call.end(Buffer.alloc(5));
  await once(call, "response");
  expect(printed).not.toHaveBeenCalled();
});

test("an endless deadline is none", async () => {
  const { url } = await startPort();
  const call = clientOf(url).unary(
    RoomService.method.getRoom,
    {},
    { headers: { "grpc-timeout": "99999999H" } },
  );
  expect(await faultOf(call)).toMatchObject({ code: status.INTERNAL });
});

test("streams end where they end, and where their reader leaves", async () => {
  const { url, seen } = await startPort();
  const realtime = createClient(RealtimeService, createGrpcTransport({ baseUrl: url }));
  let received = 0;
  for await (const _ of realtime.subscribe({})) received += 1;
  expect(received).toBe(3);
  const abort = new AbortController();
  const endless = realtime.subscribe({ epoch: "1000000 10" }, { signal: abort.signal });
  await expect(async () => {
    for await (const _ of endless) abort.abort();
  }).rejects.toThrow();
  await expect.poll(() => seen.ended).toBe(2);
});

test("a reader that doesn't read isn't written for", async () => {
  const { url, seen } = await startPort();
  const session = connectHttp2(url, { settings: { initialWindowSize: 65_535 } });
  closing.push(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/parley.realtime.v1.RealtimeService/Subscribe",
    "content-type": "application/grpc",
    te: "trailers",
  });
  // SubscribeRequest.epoch, behind gRPC's prefix of flags and length.
  const epoch = Buffer.from("1000000 10000");
  const { epoch: field } = RealtimeService.method.subscribe.input.field;
  const message = Buffer.concat([Buffer.of((field.number << 3) | 2, epoch.length), epoch]);
  stream.end(Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message]));
  await once(stream, "response");
  // Each stream has its turn: what another brings to who reads, this one would have been asked for as well.
  const realtime = createClient(RealtimeService, createGrpcTransport({ baseUrl: url }));
  for await (const _ of realtime.subscribe({ epoch: "1000 10000" }));
  expect(seen.items[1]).toBe(1000);
  expect(seen.items[0]).toBeGreaterThan(0);
  expect(seen.items[0]).toBeLessThan(100);
  stream.close();
  await expect.poll(() => seen.ended).toBe(2);
});

test("health follows the services, and tells who watches", async () => {
  const { url, rpc, grpc } = await startPort();
  const { channel } = clientOf(url);
  const { Check: check, Watch: watch } = healthService as Record<
    string,
    NonNullable<(typeof healthService)[string]>
  >;
  const ask = (service: string) =>
    new Promise((resolve) =>
      channel.makeUnaryRequest(
        check!.path,
        check!.requestSerialize,
        check!.responseDeserialize,
        { service },
        (error, answer) => resolve(error?.code ?? (answer as { status: string }).status),
      ),
    );
  expect(await ask("")).toBe("NOT_SERVING");
  expect(await ask("parley.internal.v1.AuthInternalService")).toBe(status.NOT_FOUND);
  const told: string[] = [];
  const { requestSerialize, responseDeserialize } = watch!;
  const watching = channel.makeServerStreamRequest(watch!.path, requestSerialize, responseDeserialize, {
    service: RoomService.typeName,
  });
  watching.on("data", (answer: { status: string }) => told.push(answer.status));
  watching.on("error", () => {});
  const { MessageInternalService } = await import("#gen/parley/internal/v1/message_internal_service_pb.js");
  const { RoomInternalService } = await import("#gen/parley/internal/v1/room_internal_service_pb.js");
  rpc.serve(RoomInternalService, { listRoomChanges: () => ({}) } as never);
  rpc.serve(MessageInternalService, { getHeads: () => ({}) } as never);
  await expect.poll(() => told, { timeout: 10_000 }).toEqual(["NOT_SERVING", "SERVING"]);
  expect(await ask(RoomService.typeName)).toBe("SERVING");
  // Auth is still away.
  expect(await ask("")).toBe("NOT_SERVING");
  const closed = grpc.close();
  await expect.poll(() => told, { timeout: 4000 }).toEqual(["NOT_SERVING", "SERVING", "NOT_SERVING"]);
  watching.cancel();
  await closed;
});

test("TLS, and nobody without a certificate where one is demanded", async () => {
  const authority = createTestCertificate({ name: "Test CA", isAuthority: true });
  const server = createTestCertificate({ issuer: authority });
  const person = createTestCertificate({ name: "client", issuer: authority });
  const [cert, key, clientCa] = [server.cert, server.key, authority.cert].map((pem) => Buffer.from(pem));
  const { url } = await startPort({ tls: { cert: cert!, key: key!, clientCa } });
  const call = async (secure: ReturnType<typeof credentials.createSsl>) => {
    using client = createGrpcClient(url, {}, secure);
    return await faultOf(client.unary(RoomService.method.getRoom, {}, { deadline: Date.now() + 5000 }));
  };
  const known = credentials.createSsl(clientCa!, Buffer.from(person.key), Buffer.from(person.cert));
  expect(await call(known)).toMatchObject({ code: status.INTERNAL, reason: "INTERNAL" });
  expect(await call(credentials.createSsl(clientCa!))).toMatchObject({ code: status.UNAVAILABLE });
  const stranger = createTestCertificate({ name: "stranger" });
  const unknown = credentials.createSsl(clientCa!, Buffer.from(stranger.key), Buffer.from(stranger.cert));
  expect(await call(unknown)).toMatchObject({ code: status.UNAVAILABLE });
  const plain = connect(Number(new URL(url).port), "127.0.0.1");
  plain.on("error", () => {});
  plain.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await once(plain, "close");
});

test("pings and headers have their bounds", async () => {
  const { url } = await startPort();
  const session = connectHttp2(url);
  closing.push(() => session.destroy());
  session.on("error", () => {});
  await once(session, "remoteSettings");
  expect(session.remoteSettings).toMatchObject({ maxHeaderListSize: 16_384, maxConcurrentStreams: 256 });
  const goaway = once(session, "goaway");
  for (let i = 0; i < 200 && !session.destroyed; i++) {
    session.ping(() => {});
    await new Promise(setImmediate);
  }
  const [code, , data] = (await goaway) as [number, number, Buffer];
  expect(code).toBe(11);
  expect(data.toString()).toBe("too_many_pings");
});

test("more headers than the bound end the call as RESOURCE_EXHAUSTED, by a reset without a status", async () => {
  const { url } = await startPort();
  const headers = { "x-large": "x".repeat(20_000) };
  const fault = await faultOf(clientOf(url).unary(RoomService.method.getRoom, {}, { headers }));
  expect(fault).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: undefined });
});
