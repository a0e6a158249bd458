import { once } from "node:events";
import { createServer } from "node:net";
import type { Finding } from "./finding.ts";

const patienceMs = 3000;

const advices = new Map([
  ["EADDRINUSE", "Stop the program that has it, or name another port in PARLEY_HTTP_PORT."],
  ["EADDRNOTAVAIL", "Name an address of this machine in PARLEY_HOST, such as 127.0.0.1 or 0.0.0.0."],
  ["ENOTFOUND", "Name an address of this machine in PARLEY_HOST, such as 127.0.0.1 or 0.0.0.0."],
  ["EACCES", "Ports below 1024 need a privilege: name a higher one in PARLEY_HTTP_PORT."],
]);

/** What to do about an error of listening. */
export function listenAdvice(code: string | undefined): string {
  return (
    advices.get(code ?? "") ?? "Name another address in PARLEY_HOST or another port in PARLEY_HTTP_PORT."
  );
}

/** Whether Parley can listen, or does already. */
export async function checkHttpPort(host: string, port: number): Promise<Finding> {
  const what = `HTTP port ${port} on ${host}`;
  const server = createServer().listen({ host, port });
  try {
    await once(server, "listening");
    server.close();
    return { what, found: "free" };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const running = code === "EADDRINUSE" ? await askParley(host, port) : undefined;
    return running ? { what, ...running } : { what, found: message, advice: listenAdvice(code) };
  }
}

/** What a Parley that listens there says of itself; undefined if it is none. */
async function askParley(host: string, port: number): Promise<Omit<Finding, "what"> | undefined> {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const url = `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
    const { status } = (await response.json()) as { status?: unknown };
    if (status === "ready") return { found: "Parley runs there and is ready" };
    if (response.status !== 503) return undefined;
    return { found: "Parley runs there but is not ready", advice: "See its log for what it waits for." };
  } catch {
    return undefined;
  }
}
