import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LoginRequestSchema } from "#gen/parley/auth/v1/auth_service_pb.js";
import { roomOf } from "../conformance/api.ts";
import { startTarget, type Target } from "./target.ts";

/** Small things that become large when they are looked into. */
describe("bombs", { timeout: 60_000 }, () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target[Symbol.asyncDispose]());

  const login = "/parley.auth.v1.AuthService/Login";

  /** The answer's status, and for gRPC-Web that in its trailers. */
  async function post(path: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer> | string) {
    const response = await fetch(target.stack.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${target.ada.accessToken}`, ...headers },
      body,
    });
    const text = await response.text();
    const grpcStatus = response.headers.get("grpc-status") ?? /grpc-status: *(\d+)/i.exec(text)?.[1];
    return { status: response.status, grpcStatus, text };
  }
  const enveloped = (flags: number, message: Uint8Array, length = message.length) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flags);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, message]);
  };

  test("compressed: refused without being unpacked, on every surface", async () => {
    // 100 KB that would be 100 MB.
    const bomb = gzipSync(Buffer.alloc(100 << 20, " "));
    await target.survives(
      async () => {
        const storm = <T>(once: () => Promise<T>) => Promise.all(Array.from({ length: 50 }, once));
        const json = { "content-type": "application/json", "content-encoding": "gzip" };
        const proto = { "content-type": "application/proto", "content-encoding": "gzip" };
        const web = { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" };
        const stream = { "content-type": "application/connect+json", "connect-content-encoding": "gzip" };
        for (const { status } of await storm(() => post("/v1/auth/login", json, bomb)))
          expect(status).toBe(400);
        for (const { status } of await storm(() => post(login, json, bomb))) expect(status).toBe(400);
        for (const { status } of await storm(() => post(login, proto, bomb))) expect(status).toBe(400);
        for (const { grpcStatus } of await storm(() => post(login, web, enveloped(1, bomb))))
          expect(grpcStatus).toBe("3");
        const path = "/parley.realtime.v1.RealtimeService/Subscribe";
        for (const { text } of await storm(() => post(path, stream, enveloped(1, bomb))))
          expect(text).not.toContain("ready");
        // Without the header that announces it.
        const quiet = { "content-type": "application/grpc-web+proto" };
        for (const { grpcStatus } of await storm(() => post(login, quiet, enveloped(1, bomb))))
          expect(grpcStatus).toBe("3");
      },
      { growthMiB: 250 },
    );
  });

  test("lengths that lie", async () => {
    await target.survives(async () => {
      const web = { "content-type": "application/grpc-web+proto" };
      for (const length of [0xffffffff, 0x7fffffff, 1 << 20, 100, 1]) {
        const { grpcStatus } = await post(login, web, enveloped(0, Buffer.alloc(10), length));
        expect(["3", "8"]).toContain(grpcStatus);
      }
      const proto = { "content-type": "application/proto" };
      // A string that claims 4 GB, a group that never ends, a varint of 11 bytes.
      for (const hex of ["0affffffff0f", "0b", `08${"ff".repeat(11)}`, `0a${"ff".repeat(9)}01`])
        expect((await post(login, proto, Buffer.from(hex, "hex"))).status).toBe(400);
    });
  });

  test("deep and wide JSON, on REST, Connect and the query", async () => {
    const deep = (depth: number) => "[".repeat(depth);
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    const keys = (count: number, name: (i: number) => string) =>
      `{${Array.from({ length: count }, (_, i) => `"${name(i)}":0`).join(",")}}`;
    const bodies: [string, number][] = [
      [deep(100 * 1024), 400],
      [`{"username":${deep(60_000)}${"]".repeat(60_000)}}`, 400],
      [nested(20_000), 400],
      [keys(11_000, (i) => `k${i}`), 400],
      // Integer-like keys make V8 keep a sparse array.
      [keys(9000, (i) => String(i * 100_003)), 400],
      [keys(9000, () => "__proto__"), 400],
      [`{"username":"${"\\u0000".repeat(20_000)}"}`, 400],
      [`{"username":${"9".repeat(100_000)}}`, 400],
    ];
    await target.survives(async () => {
      for (const path of ["/v1/auth/login", login]) {
        for (const [body, status] of bodies) {
          const started = performance.now();
          const storm = Array.from({ length: 20 }, () =>
            post(path, { "content-type": "application/json" }, body),
          );
          for (const answer of await Promise.all(storm))
            expect(answer.status, body.slice(0, 40)).toBe(status);
          expect(performance.now() - started).toBeLessThan(20_000);
        }
      }
    });
  });

  test("nested Protobuf", async () => {
    const nest = (depth: number) => {
      // Unknown groups within groups, and lengths within lengths: field 15.
      const open = Buffer.alloc(depth, 0x7b);
      const end = Buffer.alloc(depth, 0x7c);
      return Buffer.concat([toBinary(LoginRequestSchema, create(LoginRequestSchema)), open, end]);
    };
    await target.survives(async () => {
      for (const depth of [10, 1000, 60_000]) {
        const { status } = await post(login, { "content-type": "application/proto" }, nest(depth));
        expect(status).toBe(400);
      }
    });
  });

  test("keys that collide cost no more than others", async () => {
    // The same length and hashed alike by simple hashes: V8's is seeded.
    const pairs = ["Aa", "BB"];
    let names = [""];
    for (let i = 0; i < 13; i++) names = names.flatMap((name) => pairs.map((pair) => name + pair));
    const colliding = `{${names.map((name) => `"${name}":0`).join(",")}}`.slice(0, 120_000);
    const body = `${colliding.slice(0, colliding.lastIndexOf(","))}}`;
    await target.survives(async () => {
      const query = names.slice(0, 400).join("&");
      for (let i = 0; i < 20; i++) {
        expect((await post("/v1/auth/login", {}, body)).status).toBe(400);
        const response = await fetch(`${target.stack.url}/v1/users?query=ab&${query}`, {
          headers: { authorization: `Bearer ${target.ada.accessToken}` },
        });
        expect(response.status).toBe(200);
        await response.text();
      }
    });
  });

  test("names of Object's own in bodies, paths and queries are names like others", async () => {
    const { ada } = target;
    const room = await roomOf(ada);
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"];
    await target.survives(async () => {
      for (const name of names) {
        const body = `{"name":"room","${name}":{"topic":"polluted","isAdmin":true}}`;
        const made = await post("/v1/rooms", { "content-type": "application/json" }, body);
        expect(JSON.parse(made.text).room).toMatchObject({ name: "room", topic: "" });
        for (const key of [`${name}=1`, `${name}[topic]=x`, `${name}.topic=x`, `pageSize[${name}]=1`])
          expect((await ada.get(`/v1/rooms?${key}`)).status).toBe(200);
        expect((await ada.get(`/v1/rooms/${name}`)).status).toBe(404);
        expect((await ada.get(`/v1/users/${name}`)).status).toBe(404);
        expect((await ada.get(`/${name}`)).status).toBe(404);
        expect((await ada.get(`/parley.auth.v1.AuthService/${name}`)).status).toBe(404);
        expect((await ada.put(`/v1/rooms/${room}/messages/1/reactions/${name}`)).status).toBe(400);
      }
    });
  });
});
