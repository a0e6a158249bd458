import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, ok, type Person, password, roomOf } from "./api.ts";
import type { Answer } from "./clients/answer.ts";
import { surfaces } from "./clients/surfaces.ts";
import { connect } from "./realtime-client.ts";
import { message } from "./realtime-world.ts";

/** Per hour, so that however slow the machine is, no more is let in while a test runs. */
const sends = 2;
const requests = 12;
const logins = 3;
const registrations = 20;

/** What the surfaces over HTTP say besides in a header; gRPC has RetryInfo alone. */
const isHttp = (surface: string) => !surface.startsWith("gRPC,");

describe.each(topologies)("rates: $name", ({ start, gateways }) => {
  beforeEach(({ skip }) => skip(gateways > 1, "each gateway counts by itself"));

  let stack: Stack;
  let api: Api;
  let registered = 0;

  beforeAll(async () => {
    stack = await start({
      env: {
        PARLEY_LIMITS: "",
        PARLEY_LIMIT_SENDS_PER_USER: `${sends}/h`,
        PARLEY_LIMIT_REQUESTS_PER_USER: `${requests}/h`,
        PARLEY_LIMIT_REQUESTS_PER_ADDRESS: "off",
        PARLEY_LIMIT_LOGINS_PER_ACCOUNT: `${logins}/h`,
        PARLEY_LIMIT_REGISTRATIONS_PER_ADDRESS: `${registrations}/h`,
      },
    });
    api = createApi(stack.url);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  function register(): Promise<Person> {
    registered += 1;
    return api.register();
  }

  describe.each(surfaces)("$name", (surface) => {
    test("says so when hit, and when to come back; others are not concerned", async () => {
      await using client = await disposable(surface.connect(stack));
      const [ada, bob] = [await register(), await register()];
      const roomId = await roomOf(ada, bob);
      const send = (who: Person) =>
        client.call({
          method: MessageService.method.sendMessage,
          request: { roomId, clientId: newClientId(), text: "t" },
          token: who.accessToken,
        });
      for (let i = 0; i < sends; i++) expect((await send(ada))?.status).toBe(200);
      expectLimited(await send(ada), { surface: surface.name, withinS: 3600 / sends });
      expect((await send(bob))?.status).toBe(200);

      const { method } = UserService;
      const read = () => client.call({ method: method.getMe, request: {}, token: ada.accessToken });
      for (let i = 0; i < requests && (await read())?.status === 200; i++);
      expectLimited(await read(), { surface: surface.name, withinS: 3600 / requests });
      const subscribe = { method: RealtimeService.method.subscribe, request: {}, token: ada.accessToken };
      const stream = await client.call(subscribe);
      if (stream) expectLimited(stream, { surface: surface.name, withinS: 3600 / requests });
      expect((await send(bob))?.status).toBe(200);
    });
  });

  test("a WebSocket's sends count with all others", async () => {
    const ada = await register();
    const roomId = await roomOf(ada);
    await ok(ada.post(`/v1/rooms/${roomId}/messages`, { clientId: "1", text: "t" }));
    const client = await connect(stack.socketUrl, ada.accessToken);
    expect((await client.request(message(roomId, "t"))).ack).toBeDefined();
    const { error } = await client.request(message(roomId, "t"));
    expectLimited({ status: 429, body: error, headers: new Headers() }, { withinS: 3600 / sends });
    client.drop();
  });

  test("sign-ins to an account", async () => {
    const { username } = await register();
    const login = () =>
      api.call("POST", "/v1/auth/login", { body: { username, password: `not ${password}` } });
    for (let i = 0; i < logins; i++) expect((await login()).status).toBe(401);
    expectLimited(await login(), { surface: "REST", withinS: 3600 / logins });
  });

  test("registrations from an address", async () => {
    while (registered < registrations) await register();
    const body = { username: "one-too-many", password };
    const answer = await api.call("POST", "/v1/auth/register", { body });
    expectLimited(answer, { surface: "REST", withinS: 3600 / registrations });
  });
});

function expectLimited(answer: Answer | undefined, wanted: { surface?: string; withinS: number }): void {
  expect(answer?.status).toBe(429);
  expect(answer?.body).toEqual({
    code: 8,
    message: expect.stringMatching(/./),
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: "RATE_LIMITED",
        domain: "parley",
        metadata: {},
      },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: expect.stringMatching(/^[\d.]+s$/) },
    ],
  });
  const delay = Number.parseFloat(answer?.body.details[1].retryDelay);
  expect(delay).toBeGreaterThan(0);
  expect(delay).toBeLessThanOrEqual(wanted.withinS);
  if (wanted.surface !== undefined && isHttp(wanted.surface))
    expect(Number(answer?.headers.get("retry-after"))).toBe(Math.ceil(delay));
}

async function disposable<T extends { close(): Promise<void> }>(opening: Promise<T>) {
  const client = await opening;
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}
