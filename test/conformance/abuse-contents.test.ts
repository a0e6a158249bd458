import { beforeAll, describe, expect, test } from "vitest";
import type { RunningStack } from "../stack.ts";
import { type Api, badFields, createApi, ok, type Person, refused, roomOf, send } from "./api.ts";
import { fetchAnswer } from "./clients/rest.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

/** Well-formed HTTP with contents that no client of ours would send. */
describe.each(sharedTopologies)("abuse of contents: $name", (topology) => {
  let stack: RunningStack;
  let api: Api;
  let ada: Person;

  beforeAll(async () => {
    stack = await sharedStack(topology);
    api = createApi(stack.url);
    ada = await api.register();
  });

  test("bodies that mean something else", async () => {
    const room = await roomOf(ada);
    const path = `/v1/rooms/${room}/messages`;
    const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const post = (body: string) => api.call("POST", path, { token: ada.accessToken, body });
    const text = async (body: string) => (await ok(post(body))).message.text;
    expect(await text('{"__proto__":{"text":"p","polluted":1},"clientId":"1","text":"t"}')).toBe("t");
    expect(await text('{"constructor":{"prototype":{"polluted":1}},"clientId":"2","text":"t"}')).toBe("t");
    expect(await text('{"clientId":"3","text":"first","text":"second"}')).toBe("second");
    expect(await text(`{"clientId":"4","text":"t","x":${deep(60_000)}}`)).toBe("t");
    expect(await text('{"clientId":"5","text":"a\\r\\n\\u202e\\ufeff\\uffff\\u0001"}')).toBe(
      "a\r\n\u202e\ufeff\uffff\u0001",
    );
    expect(await badFields(post('{"__proto__":{"clientId":"6","text":"t"}}'))).toEqual(["client_id", "text"]);
    expect(await badFields(post(`{"clientId":"7","text":${deep(60_000)}}`))).toEqual(["text"]);
    expect(await badFields(post('{"clientId":"8","text":1e999}'))).toEqual(["text"]);
    for (const seq of ["-1", "0"]) {
      expect(await badFields(post(`{"clientId":"9","text":"t","replyToSeq":${seq}}`))).toEqual([
        "reply_to_seq",
      ]);
    }
    for (const seq of ["1e30", '"9223372036854775808"', '"NaN"', "1.5", "true", "[1]", '"Infinity"']) {
      expect(await badFields(post(`{"clientId":"9","text":"t","replyToSeq":${seq}}`)), seq).toEqual([
        "reply_to_seq",
      ]);
    }
    await refused(
      post('{"clientId":"9","text":"t","replyToSeq":"9223372036854775807"}'),
      404,
      "MESSAGE_NOT_FOUND",
    );
    for (const body of [
      "\ufeff{}",
      "{} x",
      "{'a':1}",
      '{"clientId":"\u0001"}',
      "NaN",
      "[]",
      '"x"',
      "true",
      "1",
    ]) {
      await refused(post(body), 400, "INVALID_ARGUMENT");
    }
    const latin1 = Buffer.from('{"clientId":"a","text":"caf\xe9"}', "latin1");
    const headers = { authorization: `Bearer ${ada.accessToken}` };
    const answer = await fetch(stack.url + path, { method: "POST", headers, body: latin1 });
    expect(answer.status).toBe(400);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect((await ok(ada.get(path))).messages).toHaveLength(5);
  });

  test("numbers in paths and queries", async () => {
    const room = await roomOf(ada);
    await send(ada, room, "t");
    const path = `/v1/rooms/${room}`;
    for (const seq of ["-1", "0", "1", "9223372036854775807"]) {
      await refused(ada.get(`${path}/messages/${seq}`), 404, "MESSAGE_NOT_FOUND");
      await refused(ada.patch(`${path}/messages/${seq}`, { text: "x" }), 404, "MESSAGE_NOT_FOUND");
      await refused(ada.delete(`${path}/messages/${seq}`), 404, "MESSAGE_NOT_FOUND");
    }
    const lax = ["01", "0x1", "%201", "1%20", "%2B1", "1_0", "1n", "-0", "%EF%BC%91"];
    for (const size of lax)
      expect(await badFields(ada.get(`/v1/rooms?pageSize=${size}`)), size).toEqual(["page_size"]);
    for (const seq of ["x", "1.0", "1e2", "NaN", "9223372036854775808", "%00", "2%00", "2,3", ...lax]) {
      expect(await badFields(ada.get(`${path}/messages/${seq}`)), seq).toEqual(["seq"]);
      expect(await badFields(ada.get(`${path}/timeline?afterSeq=${seq}`)), seq).toEqual(["after_seq"]);
    }
    expect(await ok(ada.get(`${path}/timeline?afterSeq=9223372036854775807`))).toEqual({
      events: [],
      hasMore: false,
    });
    expect((await ok(ada.get(`${path}/timeline?beforeSeq=9223372036854775807`))).events).toHaveLength(2);
    const precise = "afterSeq=9007199254740992&beforeSeq=9007199254740994";
    expect((await ok(ada.get(`${path}/messages?${precise}`))).messages).toEqual([]);
    expect((await ok(ada.post(`${path}:markRead`, { seq: "9223372036854775807" }))).readSeq).toBe("2");
    expect(await badFields(ada.get(`${path}/timeline?afterSeq=1&afterSeq=1`))).toEqual(["after_seq"]);
    await ok(ada.get(`${path}/timeline?__proto__=1&constructor=2&toString=3&afterSeq[]=x`));
    await refused(ada.get("/v1/feed?afterSeq=x"), 400, "INVALID_ARGUMENT");
    expect((await ok(ada.get("/v1/feed?afterSeq=9223372036854775807"))).entries).toEqual([]);
  });

  test("integers in JSON bodies are decimals, on every surface that has such", async () => {
    const room = await roomOf(ada);
    const path = `/v1/rooms/${room}`;
    const connect = (method: string, body: object) =>
      fetchAnswer(`${stack.url}/parley.message.v1.MessageService/${method}`, {
        method: "POST",
        headers: { authorization: `Bearer ${ada.accessToken}`, "content-type": "application/json" },
        body: JSON.stringify({ roomId: room, ...body }),
      });
    for (const lax of ["01", " 1", "1 ", "+1", "-0", "0x1", "0b1", "1.0", "1e0", "", "١"]) {
      const message = { clientId: "c", text: "t", replyToSeq: lax };
      expect(await badFields(ada.post(`${path}/messages`, message)), lax).toEqual(["reply_to_seq"]);
      expect(await badFields(ada.post(`${path}:markRead`, { seq: lax })), lax).toEqual(["seq"]);
      expect(await badFields(ada.post(`${path}/invitations`, { maxUses: lax })), lax).toEqual(["max_uses"]);
      for (const body of [{ afterSeq: lax }, { after_seq: lax }]) {
        const { status, body: error } = await connect("ListTimeline", body);
        expect([status, error.code, JSON.stringify(error).includes("after_seq")], lax).toEqual([
          400,
          "invalid_argument",
          true,
        ]);
      }
    }
    for (const seq of ["1", 1]) expect((await ok(ada.post(`${path}:markRead`, { seq }))).readSeq).toBe("1");
  });

  test("values that have a format of their own name their field", async () => {
    const room = await roomOf(ada);
    const invite = (expiresIn: unknown) =>
      badFields(ada.post(`/v1/rooms/${room}/invitations`, { expiresIn }));
    for (const duration of ["soon", "1", 5, "-1s", "1e3s", "99999999999999s", "1.0000000001s", "NaNs", {}]) {
      expect(await invite(duration), String(duration)).toEqual(["expires_in"]);
    }
    const role = (value: unknown) =>
      badFields(ada.patch(`/v1/rooms/${room}/members/${ada.userId}`, { role: value }));
    for (const value of [0, -1, 99, 1.5, "role_admin", "4", "", null, {}, ["ROLE_ADMIN"]]) {
      expect(await role(value), String(value)).toEqual(["role"]);
    }
  });
});
