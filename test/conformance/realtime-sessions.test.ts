import { describe, expect, test } from "vitest";
import { ok, reasonOf, roomOf } from "./api.ts";
import { createRealtimeWorld, failed, message, realtimeCases } from "./realtime-world.ts";

describe.each(realtimeCases)("realtime, sessions: $name, $subprotocol", (variant) => {
  const world = createRealtimeWorld(variant);
  const { online, socket } = world;

  test("a new access token of the same session prolongs, of another it doesn't", async () => {
    const person = await world.api.register();
    const client = await online(person);
    const { tokens } = await ok(
      world.api.call("POST", "/v1/auth/refresh", { body: { refreshToken: person.refreshToken } }),
    );
    expect((await client.request({ refreshToken: { accessToken: tokens.accessToken } })).ack).toMatchObject({
      seq: "0",
    });
    const other = await world.api.login(person);
    expect(failed(await client.request({ refreshToken: { accessToken: other.accessToken } }))).toBe(
      "UNAUTHENTICATED",
    );
    expect(failed(await client.request({ refreshToken: { accessToken: "nonsense" } }))).toBe(
      "UNAUTHENTICATED",
    );
    const room = await roomOf(person);
    expect((await client.request(message(room, "still"))).ack.seq).toBe("2");
  });

  test("a session that ends closes its connections", async () => {
    const person = await world.api.register();
    const client = await online(person);
    const started = Date.now();
    await ok(person.post("/v1/auth/logout"));
    expect((await client.kind("goodbye")).goodbye).toMatchObject({ code: 4004, resumable: false });
    expect((await client.closed).code).toBe(4004);
    expect(Date.now() - started).toBeLessThan(2000);
  });

  test("a refused hello gets its error, its goodbye and its code", async () => {
    const token = async (accessToken: string) => {
      const client = await socket();
      client.send({ ref: "h", hello: { accessToken } });
      const { error } = await client.next((frame) => frame.ref === "h");
      const { goodbye } = await client.kind("goodbye");
      return [reasonOf(error), goodbye.code, (await client.closed).code];
    };
    expect(await token("nonsense")).toEqual(["UNAUTHENTICATED", 4002, 4002]);
    const ended = await world.api.register();
    await ok(ended.post("/v1/auth/logout"));
    await expect.poll(() => ended.get("/v1/users/me").then((answer) => answer.status)).toBe(401);
    expect(await token(ended.accessToken)).toEqual(["SESSION_REVOKED", 4004, 4004]);
    const first = await socket();
    first.send({ ref: "x", ping: {} });
    await first.next((frame) => frame.ref === "x" && frame.error);
    expect((await first.closed).code).toBe(4001);
  });
});
