import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Logger } from "pino";
import { createLocalClient, createLocalTransport, notImplemented, notServed } from "./local-client.ts";
import { createLocalService, type LocalService } from "./local-service.ts";
import type { RpcClients, RpcServer, ServedService, ServerInterceptor } from "./rpc.ts";

/** RPC between the services of one process. */
export interface LocalRpc extends RpcServer, RpcClients {
  /**
   * Adds to what the calls of every service served from now on go through, in order. Comes after creation since who
   * checks tokens is itself a client.
   */
  intercept(interceptors: readonly ServerInterceptor[]): void;
  /** Closes every service, at the same time. */
  close(): Promise<void>;
}

export interface LocalRpcDeps {
  logger: Logger;
  interceptors?: readonly ServerInterceptor[];
  /** How long closing a service waits for its handlers before it aborts them, in ms. */
  graceMs?: number;
}

/**
 * Direct calls, without serialisation, and otherwise as between processes: a service need not be served when its client
 * is made, deadlines and cancellation reach the handler, and errors arrive as the ConnectErrors that they leave as.
 */
export function createLocalRpc({ logger, interceptors = [], graceMs = 5000 }: LocalRpcDeps): LocalRpc {
  const services = new Map<string, LocalService>();
  let chain = [...interceptors];

  const find = (method: DescMethod) => {
    const service = services.get(method.parent.typeName);
    if (service === undefined) throw notServed(method.parent);
    const found = service.methods.get(method.name);
    if (found === undefined) throw notImplemented(method);
    return found;
  };
  const transport = createLocalTransport(find);

  async function close(name: string, service: LocalService): Promise<void> {
    if (services.get(name) === service) services.delete(name);
    await service.close();
  }

  return {
    intercept(added) {
      chain = [...chain, ...added];
    },
    serve<S extends DescService>(service: S, implementation: ServiceImpl<S>): ServedService {
      const name = service.typeName;
      if (services.has(name)) throw new Error(`${name} is served already`);
      const local = createLocalService(service, implementation, { logger, interceptors: chain, graceMs });
      services.set(name, local);
      return { close: () => close(name, local) };
    },
    client: (service) => createLocalClient(service, find),
    transport: () => transport,
    replicas(service) {
      const only = [{ id: "local", client: createLocalClient(service, find) }];
      return { list: () => only, onChange: () => () => {} };
    },
    async close() {
      await Promise.all([...services].map(([name, service]) => close(name, service)));
    },
  };
}
