import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below what systems give to connections that go out: Linux from 32768, the others from 49152. */
const firstPort = 10_000;
const endPort = 32_000;

/**
 * A port of this machine that was free a moment ago: nobody listens there, unless somebody took it since. A port that
 * the system chooses would soon be some outgoing connection's own, on a machine that makes many.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, endPort);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
