import { beforeAll, describe, expect, test } from "vitest";
import { ok, type Person, reasonOf, roomOf } from "./api.ts";
import { allCases, createRealtimeWorld, failed, message } from "./realtime-world.ts";

describe.each(allCases)("realtime, sessions: $name, $way", (variant) => {
  const { asks } = variant;
  const world = createRealtimeWorld(variant);
  const { online, socket } = world;
  let ada: Person;
  beforeAll(() => {
    [ada] = world.people;
  });

  test.runIf(asks)("a new access token of the same session prolongs, of another it doesn't", async () => {
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

  test.runIf(asks)("a refused hello gets its error, its goodbye and its code", async () => {
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

  test("a session revoked elsewhere and a changed password close the others' connections, not one's own", async () => {
    const person = await world.api.register();
    const [phone, tablet] = await Promise.all([world.api.login(person), world.api.login(person)]);
    const [own, ofPhone, ofTablet] = await Promise.all([online(person), online(phone), online(tablet)]);
    const { sessionId } = ofPhone.frames[0].ready;
    let started = Date.now();
    await ok(person.delete(`/v1/auth/sessions/${sessionId}`));
    expect((await ofPhone.kind("goodbye")).goodbye).toMatchObject({ code: 4004, resumable: false });
    expect((await ofPhone.closed).code).toBe(4004);
    expect(Date.now() - started).toBeLessThan(2000);
    expect((await ofTablet.request({ ping: {} })).pong).toEqual({});
    await ok(
      person.post("/v1/auth/password", { currentPassword: person.password, newPassword: "another one" }),
    );
    // The change is made by the time of the answer; before it two passwords are hashed.
    started = Date.now();
    expect((await ofTablet.kind("goodbye")).goodbye).toMatchObject({ code: 4004, resumable: false });
    expect((await ofTablet.closed).code).toBe(4004);
    expect(Date.now() - started).toBeLessThan(2000);
    expect((await own.request({ ping: {} })).pong).toEqual({});
  });

  test("a reused refresh token ends the session's connections", async () => {
    const person = await world.api.register();
    const client = await online(person);
    const refresh = (refreshToken: string) =>
      world.api.call("POST", "/v1/auth/refresh", { body: { refreshToken } });
    const { tokens } = await ok(refresh(person.refreshToken));
    await ok(refresh(tokens.refreshToken));
    expect((await refresh(person.refreshToken)).status).toBe(401);
    expect((await client.closed).code).toBe(4004);
  });

  test.runIf(asks)("a hello that breaks a rule is refused with 4001 and every bad field", async () => {
    const rooms = [{ roomId: "x", afterSeq: "-1" }];
    for (const [hello, fields] of [
      [{ rooms, feedAfterSeq: "-1" }, ["hello.feed_after_seq", "hello.rooms[0].after_seq"]],
      [{ rooms: Array(5001).fill({ roomId: "x" }) }, ["hello.rooms"]],
    ] as const) {
      const client = await socket();
      client.send({ ref: "h", hello: { accessToken: ada.accessToken, ...hello } });
      const { error } = await client.next((frame) => frame.ref === "h");
      expect(reasonOf(error)).toBe("INVALID_ARGUMENT");
      const bad = error.details.find((detail: { fieldViolations?: object[] }) => detail.fieldViolations);
      expect(bad.fieldViolations.map(({ field }: { field: string }) => field).sort()).toEqual(fields);
      expect((await client.kind("goodbye")).goodbye).toMatchObject({ code: 4001, resumable: false });
      expect((await client.closed).code).toBe(4001);
    }
  });

  test("5,000 cursors are taken", async () => {
    const room = await roomOf(ada);
    const unknown = Array.from({ length: 4999 }, (_, i) => ({ roomId: `r${i}` }));
    const client = await online(ada, { rooms: [...unknown, { roomId: room, afterSeq: "0" }] });
    await client.next((frame) => frame.caughtUp?.roomId === room);
    const gone = client.frames.flatMap((frame) => frame.roomGone?.roomId ?? []);
    expect(gone).toEqual(unknown.map(({ roomId }) => roomId));
  });
});
