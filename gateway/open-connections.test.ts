import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, BlockList, connect, createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { createClientReader } from "./clients.ts";
import { createOpenConnections, type OpenConnectionsDeps } from "./open-connections.ts";
import { boundPipelining } from "./pipelining.ts";
import { testClients } from "./test-http-app.ts";

const bounds = (deps: Partial<OpenConnectionsDeps> = {}) => {
  const connections = createOpenConnections({
    clients: testClients,
    maxPerAddress: undefined,
    max: undefined,
    ...deps,
  });
  onTestFinished(() => connections.close());
  return connections;
};

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return server;
}

/** A connection that has heard from the server, or none if the server has closed it. */
async function open(server: Server): Promise<Socket | undefined> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  const heard = await Promise.race([
    once(socket, "data").then(() => true),
    once(socket, "close").then(() => false),
  ]);
  return heard ? socket : undefined;
}

const greeting = () =>
  createServer((socket) => {
    socket.on("error", () => {});
    setImmediate(() => socket.write("hello"));
  });

test("so many per address, and others when these are gone", async () => {
  const server = greeting();
  bounds({ maxPerAddress: 2 }).guard(server);
  await listening(server);
  const first = await open(server);
  expect(await open(server)).toBeDefined();
  expect(await open(server)).toBeUndefined();
  first?.destroy();
  await vi.waitFor(async () => expect(await open(server)).toBeDefined());
  expect(await open(server)).toBeUndefined();
});

test("so many in all, on whatever port", async () => {
  const server = greeting();
  const other = greeting();
  const connections = bounds({ max: 2 });
  connections.guard(server);
  connections.guard(other);
  await Promise.all([listening(server), listening(other)]);
  expect(await open(server)).toBeDefined();
  const second = await open(other);
  expect(second).toBeDefined();
  expect(await open(server)).toBeUndefined();
  expect(await open(other)).toBeUndefined();
  second?.destroy();
  await vi.waitFor(async () => expect(await open(server)).toBeDefined());
});

test("a proxy may have many; what it brings is counted by the client's network", async () => {
  const proxies = new BlockList();
  proxies.addAddress("127.0.0.1");
  const server = greeting();
  const connections = bounds({ clients: createClientReader(proxies), maxPerAddress: 1 });
  connections.guard(server);
  await listening(server);
  const sockets = await Promise.all([open(server), open(server), open(server)]);
  const [one, two, three] = sockets as [Socket, Socket, Socket];
  expect(connections.admitProxied("2001:db8::1", one)).toBe(true);
  expect(connections.admitProxied("2001:db8::2", two)).toBe(false);
  expect(connections.admitProxied("198.51.100.7", three)).toBe(true);
  one.destroy();
  await once(one, "close");
  expect(connections.admitProxied("2001:db8::2", two)).toBe(true);
});

test("who does not read is cut off, unless released", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(Buffer.alloc(32 << 20));
  });
  const connections = bounds({ intervalMs: 50 });
  connections.guard(server);
  const released: Socket[] = [];
  await listening(server);
  const stalled = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  stalled.on("error", () => {});
  const [cut] = (await once(server, "connection")) as [Socket];
  await once(cut, "close");
  server.on("connection", (socket: Socket) => {
    connections.release(socket);
    released.push(socket);
  });
  const other = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  onTestFinished(() => void other.destroy());
  const again = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  again.on("error", () => {});
  await vi.waitFor(() => expect(released).toHaveLength(2));
  expect(released[0]?.destroyed).toBe(false);
  again.destroy();
  stalled.destroy();
});

test("some unanswered requests on a connection are served, too many cut it", async () => {
  let served = 0;
  const server = createHttpServer((_, response) => {
    served++;
    setImmediate(() => response.end());
  });
  boundPipelining(server);
  await listening(server);
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const { port } = server.address() as AddressInfo;
  const send = async (count: number) => {
    served = 0;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.split("HTTP/1.1").length > count) socket.end();
    });
    socket.write(request.repeat(count));
    await once(socket, "close");
    return { served, answers: text.split("HTTP/1.1").length - 1 };
  };
  expect(await send(64)).toEqual({ served: 64, answers: 64 });
  const flood = await send(1000);
  expect(flood.served).toBeLessThanOrEqual(64);
  expect(flood.answers).toBeLessThanOrEqual(64);
});

test("others have their turn between the requests of those who send many at once", async () => {
  const requestMs = 0.5;
  let begun = 0;
  const server = createHttpServer((request, response) => {
    if (request.url === "/first") {
      response.end(`after ${begun}`);
      return;
    }
    const until = performance.now() + requestMs;
    while (performance.now() < until);
    begun += 1;
    response.end();
  });
  boundPipelining(server);
  await listening(server);
  const { port } = server.address() as AddressInfo;
  const flooders = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect(port, "127.0.0.1").resume();
      socket.on("error", () => {});
      onTestFinished(() => void socket.destroy());
      await once(socket, "connect");
      return socket;
    }),
  );
  const other = connect(port, "127.0.0.1");
  onTestFinished(() => void other.destroy());
  await once(other, "connect");
  for (const socket of flooders) socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50));
  while (begun === 0) await new Promise(setImmediate);
  other.write("GET /first HTTP/1.1\r\nHost: x\r\n\r\n");
  const [answer] = (await once(other, "data")) as [Buffer];
  const [, before] = /after (\d+)/.exec(answer.toString()) ?? [];
  expect(Number(before)).toBeLessThan(400);
  await vi.waitFor(() => expect(begun).toBe(1000), 25_000);
}, 30_000);
