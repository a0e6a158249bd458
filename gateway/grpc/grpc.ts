import type { AddressInfo, Server } from "node:net";
import type { DescService, Message } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { GrpcCall } from "../../services/common/rpc/grpc-call.ts";
import { publicServerOptions } from "../../services/common/rpc/grpc-limits.ts";
import { createGrpcServer } from "../../services/common/rpc/grpc-server.ts";
import type { RpcClients } from "../../services/common/rpc/rpc.ts";
import { mutualTls, type TlsMaterial } from "../../services/common/tls.ts";
import type { CallOrigin, PublicCalls, PublicMethod } from "../calls.ts";
import type { ClientReader } from "../clients.ts";
import { maxMessage } from "../connect/body.ts";
import { createHealthWatch } from "./health-watch.ts";

export interface GrpcDeps {
  services: readonly DescService[];
  calls: PublicCalls;
  rpc: RpcClients;
  clients: ClientReader;
  tls: TlsMaterial | undefined;
  logger: Logger;
}

/** The gRPC port. */
export interface Grpc {
  readonly listener: Server;
  /** Throws what `net.Server.listen` fails with. */
  listen(address: { host: string; port: number }): Promise<AddressInfo>;
  /** Serves nothing any more for who asks, takes no connections and calls, and resolves when those there are over. */
  close(): Promise<void>;
}

/** How long calls under way may take to end when the process stops; less than the close stack waits. */
const graceMs = 5000;

/** The public services by gRPC, with health and reflection. */
export function createGrpc({ services, rpc, calls, clients, tls, logger }: GrpcDeps): Grpc {
  const stop = new AbortController();
  const watch = createHealthWatch({ services, rpc });
  let watching: Promise<void> | undefined;
  const server = createGrpcServer({
    services,
    additions: [watch.health],
    reflection: true,
    tls: tls && mutualTls(tls),
    options: publicServerOptions(maxMessage),
    logger: logger.child({ component: "grpc" }),
    dispatch: {
      async unary(method, decode, call) {
        const origin = originOf(call);
        return calls.unary(method, admitted(method, decode, origin), origin);
      },
      async stream(method, decode, call) {
        const origin = originOf(call);
        return calls.stream(method, admitted(method, decode, origin), origin);
      },
    },
  });

  function originOf(call: GrpcCall): CallOrigin {
    const peer = { address: call.peer, isEncrypted: tls !== undefined };
    const { address } = clients.clientOf(peer, { "x-forwarded-for": call.header("x-forwarded-for") });
    return {
      surface: "grpc",
      address,
      requestId: call.requestId,
      authorization: call.header("authorization"),
      traceparent: call.header("traceparent"),
      fromProxy: clients.isProxy(call.peer),
      signal: call.signal,
      timeoutMs: call.timeoutMs,
    };
  }

  /** The call's message, unless it may not come in. */
  function admitted(method: PublicMethod, decode: () => Message, origin: CallOrigin): Message {
    try {
      calls.admitAddress(origin.address, origin.authorization);
      calls.admit(method, origin);
      return decode();
    } catch (error) {
      calls.refused(method, origin, error);
      throw error;
    }
  }

  return {
    listener: server.listener,
    listen(address) {
      watching = watch.run(stop.signal);
      return server.listen(address);
    },
    async close() {
      stop.abort();
      await Promise.all([watching, server.close(graceMs)]);
    },
  };
}
