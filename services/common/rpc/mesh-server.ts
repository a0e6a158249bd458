import type { AddressInfo } from "node:net";
import type { DescMethodStreaming, DescService, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import type { Logger } from "pino";
import { UnavailableError } from "../errors.ts";
import { mutualTls, type TlsMaterial } from "../tls.ts";
import { traceparentHeader } from "../tracing.ts";
import { clientAddressHeader, requestIdHeader } from "./caller.ts";
import { createEndable, type Endable } from "./endable.ts";
import type { GrpcCall } from "./grpc-call.ts";
import { createGrpcHealth } from "./grpc-health.ts";
import { meshServerOptions } from "./grpc-limits.ts";
import { createGrpcServer } from "./grpc-server.ts";
import { type CheckMeshIdentity, meshTokenHeader } from "./mesh-identity.ts";
import type { RpcClients } from "./rpc.ts";
import { only } from "./streams.ts";

export interface MeshServerDeps {
  /** What this process hosts, internal services among them. */
  services: readonly DescService[];
  /** Where they are served. */
  rpc: Pick<RpcClients, "transport">;
  /** Undefined where certificates prove who calls. */
  check: CheckMeshIdentity | undefined;
  tls: TlsMaterial | undefined;
  logger: Logger;
}

/** The port on which the other processes of the mesh reach this one's services. */
export interface MeshServer {
  /** Throws what `net.Server.listen` fails with. */
  listen(address: { host: string; port: number }): Promise<AddressInfo>;
  /** A new certificate, for connections from now on. */
  renew(tls: TlsMaterial): void;
  /** Says that it serves nothing any more, takes no further calls, and resolves when those under way are done. */
  close(): Promise<void>;
}

/** How long streams may take to end by themselves once their callers' side is taken to have ended. */
const streamGraceMs = 1000;
/** How long calls under way may take to end when the process stops; less than the close stack waits. */
const graceMs = 5000;
/** What one process tells another of a call. */
const passedOn = ["authorization", clientAddressHeader, requestIdHeader, traceparentHeader];

/**
 * Every call goes the way of a call within the process: same handlers, same checks. Whoever can't prove to be of the
 * mesh is refused whatever the call is, the client's address in a header being believed here.
 */
export function createMeshServer({ services, rpc, check, tls, logger }: MeshServerDeps): MeshServer {
  const health = createGrpcHealth(["", ...services.map(({ typeName }) => typeName)]);
  const transport = (method: { parent: DescService }): Transport => rpc.transport(method.parent);

  const closing = new AbortController();
  const inputs = new Set<Endable<Message>>();

  /** Ends with the call, or when the server closes: what was taken is still answered, and the caller goes elsewhere. */
  async function* stream(method: DescMethodStreaming, items: AsyncIterable<Message>, call: GrpcCall) {
    const input = createEndable(items);
    inputs.add(input);
    try {
      const signal = AbortSignal.any([call.signal, closing.signal]);
      const { timeoutMs } = call;
      const { message } = await transport(method).stream(method, signal, timeoutMs, headersOf(call), input);
      yield* message as AsyncIterable<Message>;
    } finally {
      inputs.delete(input);
    }
  }

  const server = createGrpcServer({
    services,
    additions: [health],
    reflection: false,
    tls: tls && mutualTls(tls),
    options: meshServerOptions(),
    keepsRequestIds: true,
    logger: logger.child({ component: "mesh" }),
    dispatch: {
      async unary(method, decode, call) {
        await check?.(call.header(meshTokenHeader));
        const { signal, timeoutMs } = call;
        const answer = await transport(method).unary(method, signal, timeoutMs, headersOf(call), decode());
        return answer.message as Message;
      },
      async stream(method, decode, call) {
        await check?.(call.header(meshTokenHeader));
        return stream(method, only(decode()), call);
      },
      async duplex(method, input, call) {
        await check?.(call.header(meshTokenHeader));
        return stream(method, input, call);
      },
    },
  });

  function setServing(serving: boolean): void {
    for (const name of ["", ...services.map(({ typeName }) => typeName)]) health.set(name, serving);
  }

  return {
    async listen(address) {
      const bound = await server.listen(address);
      setServing(true);
      return bound;
    },
    renew: (renewed) => server.renew(mutualTls(renewed)),
    async close() {
      setServing(false);
      for (const input of inputs) input.end();
      const timer = setTimeout(
        () => closing.abort(new UnavailableError("the process is shutting down")),
        streamGraceMs,
      );
      await server.close(graceMs);
      clearTimeout(timer);
    },
  };
}

function headersOf(call: GrpcCall): Headers {
  const headers = new Headers();
  for (const name of passedOn) {
    const value = call.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
