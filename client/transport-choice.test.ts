import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { useTestClock } from "./test-clock.ts";
import { createRoute, createWebSocketProbe, type RouteDeps } from "./transport-choice.ts";

/** A way out on which WebSockets can be opened when the test says so. */
function setUp({ transport = "auto" as RouteDeps["transport"] } = {}) {
  const way = { isOpen: false, gate: Promise.resolve() };
  const probe = vi.fn(async (signal: AbortSignal) => {
    await way.gate;
    return way.isOpen && !signal.aborted;
  });
  const route = createRoute({ transport, probe });
  /** A connection, which is left when there is a better way. */
  const connect = () => {
    const over = new AbortController();
    const leave = vi.fn(() => over.abort());
    const via = route.next();
    route.worked(via, over.signal, leave);
    return { via, over, leave };
  };
  /** WebSockets fail unheard, as often as it takes. */
  const fallBack = () => {
    while (route.next() === "websocket") route.failed("websocket", false);
    return connect();
  };
  return { way, probe, route, connect, fallBack };
}

describe("a route", () => {
  useTestClock();

  test("is by WebSocket, and by Subscribe after two failures of it in a row", () => {
    const { route } = setUp();
    expect(route.next()).toBe("websocket");
    route.failed("websocket", false);
    expect(route.next()).toBe("websocket");
    route.failed("websocket", false);
    expect(route.next()).toBe("subscribe");
  });

  test("stays by WebSocket if the server itself refused, or one worked between", () => {
    const { route, connect } = setUp();
    for (let round = 0; round < 5; round += 1) route.failed("websocket", true);
    expect(route.next()).toBe("websocket");
    for (let round = 0; round < 5; round += 1) {
      route.failed("websocket", false);
      expect(connect().via).toBe("websocket");
    }
  });

  test("is by WebSocket again if Subscribe fails too: it is the server that is away", () => {
    const { route } = setUp();
    for (let round = 0; round < 3; round += 1) {
      const tries = Array.from({ length: 3 }, () => {
        const via = route.next();
        route.failed(via, false);
        return via;
      });
      expect(tries).toEqual(["websocket", "websocket", "subscribe"]);
    }
  });

  test("is what was chosen, whatever happens, and nothing else is probed", async () => {
    for (const transport of ["websocket", "subscribe"] as const) {
      const { route, way, probe, connect } = setUp({ transport });
      way.isOpen = true;
      for (let round = 0; round < 5; round += 1) route.failed(transport, false);
      const { via, leave } = connect();
      expect(via).toBe(transport);
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect(probe).not.toHaveBeenCalled();
      expect(leave).not.toHaveBeenCalled();
    }
  });
});

describe("Subscribe", () => {
  useTestClock();

  test("is left for a WebSocket as soon as one can be opened", async () => {
    const { way, fallBack, route, probe } = setUp();
    const { leave } = fallBack();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(probe).toHaveBeenCalledOnce();
    expect(leave).not.toHaveBeenCalled();
    way.isOpen = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(leave).toHaveBeenCalledOnce();
    expect(route.next()).toBe("websocket");
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(probe).toHaveBeenCalledTimes(2);
  });

  test("is taken again if the WebSocket fails all the same, and probes less often", async () => {
    const { way, fallBack, route, connect, probe } = setUp();
    fallBack();
    way.isOpen = true;
    await vi.advanceTimersByTimeAsync(5_000);
    route.failed("websocket", false);
    const { via, leave } = connect();
    expect(via).toBe("subscribe");
    await vi.advanceTimersByTimeAsync(9_999);
    expect(probe).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(leave).toHaveBeenCalledOnce();
  });

  test("probes at times that double, up to ten minutes", async () => {
    const { fallBack, probe } = setUp();
    const times: number[] = [];
    const beginning = Date.now();
    probe.mockImplementation(async () => {
      times.push((Date.now() - beginning) / 1000);
      return false;
    });
    fallBack();
    await vi.advanceTimersByTimeAsync(2_000_000);
    expect(times).toEqual([5, 15, 35, 75, 155, 315, 635, 1_235, 1_835]);
  });

  test("is probed often again once a WebSocket worked", async () => {
    const { way, fallBack, connect, probe } = setUp();
    fallBack();
    await vi.advanceTimersByTimeAsync(15_000);
    way.isOpen = true;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(connect().via).toBe("websocket");
    probe.mockClear();
    fallBack();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(probe).toHaveBeenCalledOnce();
  });

  test("that is over is left by nobody, nor probed", async () => {
    const { way, fallBack, route, probe } = setUp();
    const gate = Promise.withResolvers<void>();
    way.gate = gate.promise;
    way.isOpen = true;
    const first = fallBack();
    await vi.advanceTimersByTimeAsync(5_000);
    first.over.abort();
    gate.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(first.leave).not.toHaveBeenCalled();
    expect(route.next()).toBe("subscribe");
    fallBack().over.abort();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(probe).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a probe", () => {
  let server: Server;
  let url: string;
  beforeEach(async () => {
    server = createServer((_request, response) => response.writeHead(403).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });
  const signal = () => new AbortController().signal;

  test("opens a WebSocket, and leaves none behind", async () => {
    const sockets = new WebSocketServer({ server, path: "/v1/realtime" });
    const closed = new Promise((resolve) => {
      sockets.on("connection", (socket) => socket.on("close", resolve));
    });
    expect(await createWebSocketProbe(url)(signal())).toBe(true);
    await closed;
    expect(sockets.clients.size).toBe(0);
  });

  test("finds none where it is refused", async () => {
    expect(await createWebSocketProbe(url)(signal())).toBe(false);
    server.close();
    expect(await createWebSocketProbe(url)(signal())).toBe(false);
  });

  test("finds none where nobody answers, nor when it is over", async () => {
    const left: Duplex[] = [];
    server.on("upgrade", (_request, socket) => left.push(socket));
    onTestFinished(() => {
      for (const socket of left) socket.destroy();
    });
    expect(await createWebSocketProbe(url, 20)(signal())).toBe(false);
    const asked = new Promise((resolve) => server.once("upgrade", resolve));
    const over = new AbortController();
    const probing = createWebSocketProbe(url)(over.signal);
    await asked;
    over.abort();
    expect(await probing).toBe(false);
  });
});
