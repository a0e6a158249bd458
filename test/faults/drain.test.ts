import { expect, test } from "vitest";
import { createApi, roomOf, timelineOf } from "../conformance/api.ts";
import { openRaw, type RawSocket } from "../conformance/raw-socket.ts";
import { startOneProcess } from "../stack.ts";

test("SIGTERM loses no request of connections that are kept open", async () => {
  await using stack = await startOneProcess();
  const ada = await createApi(stack.url).register();
  const room = await roomOf(ada);
  const request = (path: string, body?: object) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const verb = body === undefined ? "GET" : "POST";
    const lines = [
      `${verb} ${path} HTTP/1.1`,
      "host: parley",
      `authorization: Bearer ${ada.accessToken}`,
      `content-length: ${text.length}`,
    ];
    return `${lines.join("\r\n")}\r\n\r\n${text}`;
  };
  const post = (name: string) => request(`/v1/rooms/${room}/messages`, { clientId: name, text: name });
  const kept = await Promise.all(Array.from({ length: 12 }, () => openRaw(stack.url)));
  for (const socket of kept) {
    await socket.write(request("/healthz"));
    await socket.until('{"status":"ok"}');
    expect(socket.received).not.toContain("connection: close");
  }
  const [probe, slow, silent, ...senders] = kept as [RawSocket, RawSocket, RawSocket, ...RawSocket[]];
  const half = post("slow");
  await slow.write(half.slice(0, -5));
  const code = stack.terminate();
  await expect.poll(() => stack.output(), { timeout: 10_000 }).toContain('"msg":"stopping"');
  const ask = async (socket: RawSocket, bytes: string) => {
    await socket.write(bytes);
    return socket.ended;
  };
  const [readiness, ...answers] = await Promise.all([
    ask(probe, request("/readyz")),
    ask(slow, half.slice(-5)),
    ...senders.map((socket, index) => ask(socket, post(`m${index}`))),
  ]);
  expect(readiness).toMatch(/503.*connection: close.*"stopping"/is);
  for (const answer of answers) {
    expect(answer).toMatch(/HTTP\/1\.1 200 OK\r\n(?!.*HTTP\/1\.1 200).*connection: close/is);
  }
  expect(await silent.ended).not.toContain("connection: close");
  expect(await code).toBe(0);
  await stack.start();
  const texts = (await timelineOf(ada, room)).flatMap(({ messagePosted }) => messagePosted?.text ?? []);
  expect(texts).toHaveLength(10);
}, 90_000);
