import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** Stands between a process and its database server, so that a test can come between them. */
export interface TestRelay {
  /** The server's URL, by way of the relay. */
  readonly url: string;
  /** All connections break and none is taken, as while a server fails over. */
  cut(): void;
  mend(): Promise<void>;
}

/** A relay to the server of a `mssql://` URL, for the running test. */
export async function startTestRelay(server: string): Promise<TestRelay> {
  const url = new URL(server);
  const [host, port] = [url.hostname, Number(url.port || 1433)];
  const open = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect({ host, port });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => open.delete(socket));
    }
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
    near.pipe(far).pipe(near);
  });
  const listen = async (at: number) => {
    relay.listen(at, "127.0.0.1");
    await once(relay, "listening");
    return (relay.address() as AddressInfo).port;
  };
  const own = await listen(0);
  url.hostname = "127.0.0.1";
  url.port = String(own);
  const cut = () => {
    relay.close();
    for (const socket of open) socket.resetAndDestroy();
  };
  onTestFinished(cut);
  return { url: url.href, cut, mend: async () => void (await listen(own)) };
}
