import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Hands connections on to several servers in turn, as what stands before gateways does; one that is down is passed over. */
export interface Balancer {
  readonly port: number;
  close(): void;
}

export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;

  async function reach(): Promise<Socket | undefined> {
    for (const _ of ports) {
      const server = connect({ port: ports[turn++ % ports.length]!, host: "127.0.0.1" });
      const reached = await once(server, "connect").then(
        () => true,
        () => false,
      );
      if (reached) return server;
    }
    return undefined;
  }

  async function handOn(client: Socket): Promise<void> {
    open.add(client);
    client.on("error", () => {});
    const server = await reach();
    client.once("close", () => {
      open.delete(client);
      server?.destroy();
    });
    if (server === undefined || client.destroyed) {
      client.destroy();
      server?.destroy();
      return;
    }
    server.on("error", () => {});
    // What it said last still arrives.
    server.once("close", () => client.destroySoon());
    client.pipe(server).pipe(client);
  }

  const balancer: Server = createServer({ allowHalfOpen: true }, (client) => void handOn(client));
  balancer.listen(0, "127.0.0.1");
  await once(balancer, "listening");
  return {
    port: (balancer.address() as AddressInfo).port,
    close() {
      balancer.close();
      for (const client of open) client.destroy();
    },
  };
}
