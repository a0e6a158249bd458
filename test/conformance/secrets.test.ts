import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { type OtlpReceiver, startOtlpReceiver } from "../otlp-receiver.ts";
import { type Stack, topologies } from "../stack.ts";
import { type Api, createApi, newClientId, ok, type Person, reasonOf, roomOf, uniqueName } from "./api.ts";
import { surfaces } from "./clients/surfaces.ts";
import { connect, openSocket } from "./realtime-client.ts";
import { type StreamSurface, streamTransports, subscribe } from "./realtime-stream.ts";
import { serverKeyFor } from "./server-key.ts";

/** What lets somebody in or is somebody's own is in no log and no trace, whatever is done with it. */
describe.each(topologies)("secrets: $name", ({ start }) => {
  let receiver: OtlpReceiver;
  let stack: Stack;
  let api: Api;
  let ada: Person;
  /** By what they are. */
  const secrets = new Map<string, string>();

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    const env = {
      PARLEY_LOG_LEVEL: "trace",
      PARLEY_TRACES_URL: receiver.url,
      PARLEY_TRACES_SAMPLE: "1",
    };
    stack = await start({ env });
    api = createApi(stack.url);
    ada = await api.register();
    secrets.set("access token", ada.accessToken).set("refresh token", ada.refreshToken);
    secrets.set("password", ada.password);
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  const keep = (what: string, secret: string) => {
    secrets.set(what, secret);
    return secret;
  };

  async function callBySurface({ name, connect }: (typeof surfaces)[number], roomId: string) {
    const client = await connect(stack);
    const login = (secret: string) =>
      client.call({
        method: AuthService.method.login,
        request: { username: ada.username, password: secret },
      });
    const signedIn = (await login(ada.password))?.body.tokens;
    const token = keep(`access token, ${name}`, signedIn.accessToken);
    const refreshToken = keep(`refresh token, ${name}`, signedIn.refreshToken);
    await login(keep(`wrong password, ${name}`, `wrong by ${name}`));
    const refresh = (request: { refreshToken: string }) =>
      client.call({ method: AuthService.method.refresh, request });
    const next = (await refresh({ refreshToken }))?.body.tokens;
    keep(`next access token, ${name}`, next.accessToken);
    keep(`next refresh token, ${name}`, next.refreshToken);
    await refresh({ refreshToken: keep(`unknown refresh token, ${name}`, `prt_unknown-${uniqueName()}`) });
    const me = UserService.method.getMe;
    await client.call({ method: me, request: {}, token });
    await client.call({
      method: me,
      request: {},
      token: keep(`wrong token, ${name}`, `wrong.${uniqueName()}`),
    });
    const text = keep(`text, ${name}`, `said by ${name}, ${uniqueName()}`);
    const method = MessageService.method.sendMessage;
    await client.call({ method, request: { roomId, clientId: newClientId(), text }, token });
    const undecodable = {
      method,
      request: { roomId, clientId: newClientId(), text },
      token,
      undecodable: true,
    };
    await client.call(undecodable);
    await client.close();
  }

  async function talkByRealtime(roomId: string) {
    for (const subprotocol of ["parley.v1.json", "parley.v1.proto"] as const) {
      const client = await connect(stack.socketUrl, ada.accessToken, { subprotocol });
      const text = keep(`text, ${subprotocol}`, `said by ${subprotocol}, ${uniqueName()}`);
      await client.request({ send: { roomId, clientId: newClientId(), text } });
      await client.request({ refreshToken: { accessToken: keep(`bad, ${subprotocol}`, uniqueName("bad")) } });
      client.close();
    }
    for (const surface of Object.keys(streamTransports) as StreamSurface[])
      (await subscribe(stack, ada.accessToken, { surface, hello: {} })).drop();
    const client = await openSocket(stack.socketUrl, "parley.v1.json");
    client.send({ ref: "h", hello: { accessToken: keep("token of a hello", `hello.${uniqueName()}`) } });
    await client.closed;
    const garbled = await openSocket(stack.socketUrl, "parley.v1.json");
    garbled.sendRaw(`{"hello": {"accessToken": "${keep("token of no JSON", uniqueName("garbled"))}"`);
    await garbled.closed;
  }

  test("passwords, tokens, keys, codes and texts", async () => {
    const roomId = await roomOf(ada);
    const { code } = await ok(ada.post(`/v1/rooms/${roomId}/invitations`));
    keep("invitation code", code);
    const bob = await api.register();
    await ok(bob.post("/v1/invitations:accept", { code }));
    await bob.post("/v1/invitations:accept", { code: keep("wrong code", `wrong-${uniqueName()}`) });
    for (const surface of surfaces) await callBySurface(surface, roomId);
    await talkByRealtime(roomId);

    const key = keep("server key", await serverKeyFor(stack));
    const admin = (path: string, body: object, bearer: string) =>
      api.call("POST", `/v1/admin/users${path}`, { headers: { authorization: `Bearer ${bearer}` }, body });
    const { user } = await ok(admin(":ensure", { externalId: "1" }, key));
    const { tokens } = await ok(admin(`/${user.userId}:issueTokens`, {}, key));
    keep("issued access token", tokens.accessToken);
    keep("issued refresh token", tokens.refreshToken);
    await admin(":ensure", { externalId: "1" }, keep("wrong server key", `parley_sk_${"x".repeat(48)}`));
    const newPassword = keep("new password", `new-${uniqueName()}`);
    await ok(ada.post("/v1/auth/password", { currentPassword: ada.password, newPassword }));

    // The end flushes what is not exported yet.
    expect(await stack.terminate()).toBe(0);
    expect(stack.output()).toContain('"level":"debug"');
    expect(receiver.spans.length).toBeGreaterThan(20);
    const [log, traces] = [stack.output(), receiver.raw().toString("latin1")];
    const found = [...secrets].filter(([, secret]) => log.includes(secret) || traces.includes(secret));
    expect(found.map(([what]) => what)).toEqual([]);
    expect(secrets.size).toBeGreaterThan(50);
    await stack.start();
  });

  test.each(["access_token", "accessToken", "token", "authorization", "bearer"])(
    "no surface takes a token from ?%s=",
    async (parameter) => {
      const person = await api.register();
      const query = `${parameter}=${person.accessToken}`;
      const connectGet = `${stack.url}/parley.user.v1.UserService/GetMe?connect=v1&encoding=json&message=%7B%7D`;
      for (const url of [`${stack.url}/v1/users/me?${query}`, `${connectGet}&${query}`]) {
        const answer = await fetch(url);
        expect(answer.status, url.slice(0, 80)).toBe(401);
      }
      const socket = new WebSocket(
        `${stack.url.replace("http", "ws")}/v1/realtime?${query}`,
        "parley.v1.json",
      );
      const { promise: first, resolve } = Promise.withResolvers<string>();
      socket.on("open", () => socket.send(JSON.stringify({ ref: "h", hello: {} })));
      socket.on("message", (data) => resolve(data.toString()));
      socket.on("error", () => resolve("{}"));
      const { ready, error } = JSON.parse(await first);
      socket.terminate();
      expect(ready).toBeUndefined();
      if (error) expect(["UNAUTHENTICATED", "INVALID_ARGUMENT"]).toContain(reasonOf(error));
      expect(stack.output()).not.toContain(person.accessToken);
    },
  );
});
