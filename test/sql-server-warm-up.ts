import { randomUUID } from "node:crypto";
import type { MeshStack } from "./mesh-stack.ts";

/** All of a round at once: as many as a process has connections to its database. */
const talks = 2;
const patienceMs = 240_000;

/**
 * The first statements of each connection to a database cost some servers seconds, which no test is about. So all that
 * most of them do is done, by way of each gateway, until it gets no quicker, or for so long that tests may as well
 * find out.
 */
export async function warmUp({ gatewayUrls }: Pick<MeshStack, "gatewayUrls">): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    const started = performance.now();
    const turns = Array.from({ length: talks }, (_, n) => talk(gatewayUrls[n % gatewayUrls.length]!));
    const failed = (await Promise.allSettled(turns)).some(({ status }) => status === "rejected");
    const took = performance.now() - started;
    if ((!failed && took > 0.7 * before) || performance.now() > deadline) return;
    if (!failed) before = took;
  }
}

/** Somebody makes a room, and writes and reads in it. */
async function talk(url: string): Promise<void> {
  let token: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape
  async function call(method: string, path: string, body?: object): Promise<any> {
    const response = await fetch(url + path, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  const username = `warm-${randomUUID().slice(0, 18)}`;
  const { tokens } = await call("POST", "/v1/auth/register", { username, password: "correct horse battery" });
  token = tokens.accessToken;
  const { room } = await call("POST", "/v1/rooms", { name: "room" });
  const path = `/v1/rooms/${room.roomId}`;
  for (const clientId of ["1", "2", "3"]) {
    const { message } = await call("POST", `${path}/messages`, { clientId, text: "text" });
    await call("PUT", `${path}/messages/${message.seq}/reactions/${encodeURIComponent("👍")}`, {});
    await call("GET", `${path}/timeline`);
  }
  await call("GET", `${path}/messages`);
  await call("GET", "/v1/inbox");
}
