import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Api,
  badFields,
  ok,
  openApi,
  type Person,
  password,
  refused,
  roomOf,
  send,
  uniqueName,
} from "./api.ts";
import { settings } from "./settings.ts";

/** Every bound of api.md, on both sides. */
describe.each(settings)("limits: $name", ({ running, surface }) => {
  let api: Api;
  let ada: Person;
  let bob: Person;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    [ada, bob] = (await api.people(2)) as [Person, Person];
  });
  afterAll(() => api.close());

  const register = (body: object) => api.call("POST", "/v1/auth/register", { body: { password, ...body } });
  const wide = (count: number) => "👍".repeat(count);

  test("usernames: 3 to 32 of a-z 0-9 _ . -, in any case", async () => {
    const mark = uniqueName("").slice(1, 9);
    for (const username of [`${mark}_.-`, `${mark}${"x".repeat(24)}`, `${mark}ABC`]) {
      const { user } = await ok(register({ username }));
      expect(user.username).toBe(username.toLowerCase());
      const login = { username: username.toUpperCase(), password };
      await ok(api.call("POST", "/v1/auth/login", { body: login }));
    }
    const odd = [
      "",
      "ab",
      "x".repeat(33),
      "a b c",
      "äöü",
      "a/b",
      " abc",
      "abc ",
      "ａｂｃ",
      "a\0c",
      "K\u212a\u212a",
    ];
    for (const username of odd)
      expect(new Set(await badFields(register({ username }))), username).toEqual(new Set(["username"]));
  });

  test("passwords: 8 to 128 characters, each counts", async () => {
    const body = { username: uniqueName(), password: `  ${wide(4)}  ` };
    await ok(register(body));
    const login = (secret: string) =>
      api.call("POST", "/v1/auth/login", { body: { ...body, password: secret } });
    await ok(login(body.password));
    await refused(login(body.password.trim()), 401, "WRONG_CREDENTIALS");
    await refused(login(` ${body.password}`), 401, "WRONG_CREDENTIALS");
    for (const secret of ["x".repeat(7), wide(129), "nul\0 inside", "\ud800 alone"]) {
      expect(await badFields(register({ username: uniqueName(), password: secret }))).toEqual(["password"]);
    }
    await ok(register({ username: uniqueName(), password: wide(128) }));
  });

  test("names and topics: characters are code points, trimmed nowhere", async () => {
    for (const name of [" ", wide(100), "\t\u2028\u200d\ufeff"]) {
      const answer = await ok(register({ username: uniqueName(), displayName: name, deviceName: name }));
      expect(answer.user.displayName).toBe(name);
      const { room } = await ok(ada.post("/v1/rooms", { name, topic: name }));
      expect(room).toMatchObject({ name, topic: name });
    }
    for (const name of ["", wide(101), "a\0b", "\udc00"]) {
      const bad = { username: uniqueName(), displayName: name, deviceName: name };
      const fields = await badFields(register(bad));
      expect(fields.length).toBeGreaterThan(0);
      for (const field of fields) expect(["device_name", "display_name"]).toContain(field);
      expect(await badFields(ada.post("/v1/rooms", { name }))).toEqual(["name"]);
    }
    expect((await ok(ada.post("/v1/rooms", { name: "n", topic: wide(500) }))).room.topic).toBe(wide(500));
    expect(await badFields(ada.post("/v1/rooms", { name: "n", topic: wide(501) }))).toEqual(["topic"]);
    expect(await badFields(ada.post("/v1/rooms", { name: "n", topic: "a\0" }))).toEqual(["topic"]);
  });

  test("up to 100 members at once, up to 200 users", async () => {
    const ids = Array(100).fill(bob.userId);
    expect((await ok(ada.post("/v1/rooms", { name: "n", memberIds: ids }))).room.memberCount).toBe(2);
    const tooMany = { name: "n", memberIds: [...ids, bob.userId] };
    expect(await badFields(ada.post("/v1/rooms", tooMany))).toEqual(["member_ids"]);
    const { users } = await ok(ada.post("/v1/users:batchGet", { userIds: [...ids, ...ids] }));
    expect(users).toHaveLength(1);
  });

  test("client ids: every visible ASCII character, and nothing else", async () => {
    const room = await roomOf(ada);
    const visible = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join("");
    for (const clientId of [visible.slice(0, 64), visible.slice(-64), "__proto__", "constructor"]) {
      expect((await send(ada, room, "t", { clientId })).clientId).toBe(clientId);
    }
    for (const clientId of [" ", "a b", "a\tb", "\x7f", "é", "👍", "a\n"]) {
      const body = { clientId, text: "t" };
      expect(await badFields(ada.post(`/v1/rooms/${room}/messages`, body))).toEqual(["client_id"]);
    }
  });

  test("emoji: those that Unicode recommends, fully qualified in the answer", async () => {
    const room = await roomOf(ada);
    const { seq } = await send(ada, room, "t");
    const path = (emoji: string) =>
      `/v1/rooms/${room}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`;
    const pairs = [
      ["☺", "☺️"],
      ["☺️", "☺️"],
      ["©", "©️"],
      ["1⃣", "1️⃣"],
      ["🇩🇪", "🇩🇪"],
      ["🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
      ["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"],
      ["❤‍🔥", "❤️‍🔥"],
      ["🕵🏽‍♀", "🕵🏽‍♀️"],
    ] as const;
    for (const [given, qualified] of pairs) {
      const { message } = await ok(ada.put(path(given)));
      expect(message.reactions.map((each: { emoji: string }) => each.emoji)).toEqual([qualified]);
      expect((await ok(ada.delete(path(qualified)))).message.reactions).toEqual([]);
    }
    const none = [
      "a",
      "#",
      "👍\u0301",
      "👍\u200d",
      "🇩",

      "\u200d",
      "\ufe0f",
      "👍👎",
      "🧑‍🦆‍🧑",
      "👍".repeat(20),
    ];
    for (const emoji of none) expect(await badFields(ada.put(path(emoji))), emoji).toEqual(["emoji"]);
  });

  test("bodies of exactly 128 KiB, and not a byte more; identity is no encoding", async () => {
    const room = await roomOf(ada);
    const path = `/v1/rooms/${room}/messages`;
    const body = (clientId: string, bytes: number) => {
      const start = `{"clientId":"${clientId}","text":"t","padding":"`;
      return `${start}${"x".repeat(bytes - start.length - 2)}"}`;
    };
    const token = ada.accessToken;
    await ok(api.call("POST", path, { token, body: body("a", 128 * 1024) }));
    await refused(
      api.call("POST", path, { token, body: body("b", 128 * 1024 + 1) }),
      413,
      "PAYLOAD_TOO_LARGE",
    );
    const plain = { token, body: body("c", 100), headers: { "content-encoding": "identity" } };
    await ok(api.call("POST", path, plain));
    for (const encoding of ["gzip", "br", "gzip, identity", "x"]) {
      const headers = { "content-encoding": encoding };
      await refused(api.call("POST", path, { token, body: "{}", headers }), 400, "INVALID_ARGUMENT");
    }
  });

  test("100 sessions a person: the oldest ends", { timeout: 60_000 }, async () => {
    const person = await api.register({ deviceName: "the first" });
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 10 }, () => api.login(person)));
    const last = await api.login(person);
    const { sessions } = await ok(last.get("/v1/auth/sessions?pageSize=200"));
    expect(sessions).toHaveLength(100);
    expect(sessions.map((each: { deviceName: string }) => each.deviceName)).not.toContain("the first");
    const again = api.call("POST", "/v1/auth/refresh", { body: { refreshToken: person.refreshToken } });
    await refused(again, 401, "SESSION_REVOKED");
  });
});
