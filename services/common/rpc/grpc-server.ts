import { once } from "node:events";
import {
  type AddressInfo,
  createServer as createPlainServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { createServer as createTlsServer, type TlsOptions, Server as TlsServer } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import { logVerbosity, Server, ServerCredentials, type ServerOptions, setLogVerbosity } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { identifyCall } from "./grpc-call.ts";
import { guardHttp2, limitHttp2 } from "./grpc-http2.ts";
import { createGrpcIdleCalls, type GrpcIdleCalls } from "./grpc-idle-calls.ts";
import { createGrpcService, type GrpcDispatch } from "./grpc-methods.ts";
import { createGrpcReflection } from "./grpc-reflection.ts";

/** A standard service that comes from a library. */
export interface GrpcAddition {
  addToServer(server: Server): void;
}

export interface GrpcServerDeps {
  /** All that is served, besides what the additions bring: nothing else can be reached. */
  services: readonly DescService[];
  dispatch: GrpcDispatch;
  additions?: readonly GrpcAddition[];
  /** Whether tools may find out what is served. */
  reflection: boolean;
  /** Without it, the port speaks in the clear. */
  tls?: TlsOptions | undefined;
  logger: Logger;
  /** `publicServerOptions` or `meshServerOptions`. */
  options: ServerOptions;
  /** Whether callers are trusted to name their calls: then `x-request-id` is theirs. */
  keepsRequestIds?: boolean;
}

/** A gRPC server, through grpc-js, with Parley's errors. */
export interface GrpcServer {
  /** A `tls.Server` where it speaks TLS. */
  readonly listener: NetServer;
  /** Another certificate, for connections from now on. */
  renew(tls: TlsOptions): void;
  /** Throws what `net.Server.listen` fails with. */
  listen(address: { host: string; port: number }): Promise<AddressInfo>;
  /**
   * Takes no more connections or calls, and resolves when those under way are done; what isn't after the grace period
   * is cut off. Calls that nothing is being done for end at once.
   */
  close(graceMs: number): Promise<void>;
}

const tlsHandshakeTimeoutMs = 10_000;

// It would print what clients send on the standard error output, tokens with an odd character among them.
setLogVerbosity(logVerbosity.NONE);

/**
 * The sockets are accepted here and handed to grpc-js, which otherwise tells neither why it can't listen nor which
 * connections it has, and is without a certificate while a new one is half written.
 */
export function createGrpcServer(deps: GrpcServerDeps): GrpcServer {
  const { tls, logger } = deps;
  const idleCalls = createGrpcIdleCalls();
  const server = createServices(deps, idleCalls);
  limitHttp2(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  guardHttp2(server);
  const sockets = new Set<Socket>();
  const listener = tls ? createTlsListener(tls) : createPlainServer();

  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  listener.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    // Nobody else listens until the connection is HTTP/2's, nor when it is refused.
    socket.on("error", () => {});
    if (!socket.destroyed) injector.injectConnection(socket);
  });

  return {
    listener,
    renew(renewed) {
      if (listener instanceof TlsServer) listener.setSecureContext(renewed);
    },
    async listen(address) {
      listener.listen(address);
      await once(listener, "listening");
      return listener.address() as AddressInfo;
    },
    async close(graceMs) {
      listener.close();
      const timer = setTimeout(() => {
        logger.warn({ connections: sockets.size }, "gRPC connections are cut off");
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      // It tells of its end too early: Node has begun to close the sessions that it then finds closed.
      server.tryShutdown(() => {});
      idleCalls.end();
      await Promise.all([...sockets].map((socket) => new Promise((ended) => socket.once("close", ended))));
      clearTimeout(timer);
    },
  };
}

function createServices(deps: GrpcServerDeps, idleCalls: GrpcIdleCalls): Server {
  const { services, additions = [], reflection, options, keepsRequestIds = false } = deps;
  const identify: GrpcIdleCalls["intercept"] = (_, call) => identifyCall(call, keepsRequestIds);
  const server = new Server({ ...options, interceptors: [identify, idleCalls.intercept] });
  for (const service of services) {
    const { definition, handlers } = createGrpcService(service, deps);
    server.addService(definition, handlers);
  }
  for (const addition of additions) addition.addToServer(server);
  if (reflection) createGrpcReflection(services).addToServer(server);
  return server;
}

function createTlsListener(tls: TlsOptions): NetServer {
  const listener = createTlsServer({
    ALPNProtocols: ["h2"],
    handshakeTimeout: tlsHandshakeTimeoutMs,
    ...tls,
  });
  // Failed handshakes are the clients' affair; without a listener nothing else happens either.
  listener.on("tlsClientError", (_, socket) => socket.destroy());
  return listener;
}
