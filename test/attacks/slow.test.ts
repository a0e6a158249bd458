import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handshake, openRaw, type RawSocket } from "../conformance/raw-socket.ts";
import { asManyAs, startCrowd } from "./start-crowd.ts";
import { refusalIn, startTarget, type Target, until } from "./target.ts";

/** Those who want connections held for them: what they hold is bounded and others are served. */
describe("slow clients", { timeout: 120_000 }, () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget({ PARLEY_REQUEST_HEAD_TIMEOUT: "1s", PARLEY_REQUEST_TIMEOUT: "2s" });
  });
  afterAll(() => target[Symbol.asyncDispose]());

  const many = (count: number, bytes: string): Promise<RawSocket[]> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const socket = await openRaw(target.stack.url);
        void socket.write(bytes);
        return socket;
      }),
    );

  /** The same bytes again and again, at a slow pace, until the server ends it. */
  async function dribble(socket: RawSocket, bytes: string): Promise<string> {
    const timer = setInterval(() => void socket.write(bytes), 100);
    try {
      return await socket.ended;
    } finally {
      clearInterval(timer);
    }
  }

  test("heads that dribble are refused in time", async () => {
    const answers = await target.survives(async () => {
      const sockets = await many(300, "GET /v1/users/me HTTP/1.1\r\nHost: x\r\nX: ");
      return Promise.all(sockets.map((socket) => dribble(socket, "x")));
    });
    for (const answer of answers) expect(refusalIn(answer)).toEqual([504, "DEADLINE_EXCEEDED"]);
  });

  test("bodies that dribble, or never come, are refused in time", async () => {
    const head = (path: string, type: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 1000\r\n\r\n{`;
    const answers = await target.survives(async () => {
      const rest = await many(150, head("/v1/auth/login", "application/json"));
      const connect = await many(150, head("/parley.auth.v1.AuthService/Login", "application/json"));
      const silent = await many(100, head("/v1/auth/login", "application/json"));
      return Promise.all([
        ...[...rest, ...connect].map((socket) => dribble(socket, " ")),
        ...silent.map((socket) => socket.ended),
      ]);
    });
    for (const answer of answers) expect(refusalIn(answer)).toEqual([504, "DEADLINE_EXCEEDED"]);
  });

  test("answers that nobody reads are not made", async () => {
    const request = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    await target.survives(
      async () => {
        const sockets = await many(100, "");
        for (const socket of sockets) {
          socket.pause();
          void socket.write(request.repeat(1000));
        }
        // Who doesn't read learns only by writing that the server has cut the connection.
        await Promise.all(sockets.map((socket) => dribble(socket, request)));
      },
      { growthMiB: 400 },
    );
  });

  test("thousands of idle connections", async () => {
    const count = asManyAs(3000);
    const crowd = startCrowd(target.stack.url, count, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    try {
      await target.survives(() => until("all are answered", () => crowd.answered === count, 100_000));
      expect(crowd.closed).toBe(0);
    } finally {
      crowd.end();
    }
  });

  test("half a WebSocket upgrade, 10,000 times", async () => {
    const count = asManyAs(10_000);
    const crowd = startCrowd(target.stack.url, count, handshake(target.stack.url).slice(0, -20));
    try {
      await target.survives(() => until("all are refused", () => crowd.closed === count, 100_000));
      expect(crowd.answered).toBe(count);
    } finally {
      crowd.end();
    }
  });

  test("3,000 WebSockets that never say hello", async () => {
    const count = asManyAs(3_000);
    const crowd = startCrowd(target.stack.url, count, handshake(target.stack.url));
    try {
      await target.survives(() => until("all are closed", () => crowd.closed === count, 100_000), {
        growthMiB: 500,
      });
    } finally {
      crowd.end();
    }
  });
});

describe("bounds on open connections", { timeout: 120_000 }, () => {
  test("per address and in all; who has one of them keeps it", async () => {
    await using target = await startTarget({
      PARLEY_LIMITS: "on",
      PARLEY_LIMIT_REQUESTS_PER_USER: "off",
      PARLEY_LIMIT_REQUESTS_PER_ADDRESS: "off",
      PARLEY_LIMIT_CONNECTIONS_PER_ADDRESS: "off",
      PARLEY_LIMIT_SENDS_PER_USER: "off",
      PARLEY_LIMIT_SENDS_PER_ROOM: "off",
      PARLEY_LIMIT_OPEN_CONNECTIONS_PER_ADDRESS: "100",
    });
    const crowd = startCrowd(target.stack.url, 500, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    try {
      await target.survives(() => until("those over the bound are closed", () => crowd.closed >= 400));
      expect(crowd.answered).toBeLessThanOrEqual(100);
    } finally {
      crowd.end();
    }
  });
});
