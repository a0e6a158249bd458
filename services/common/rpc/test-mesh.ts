import { createClient } from "@connectrpc/connect";
import { credentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { ResolveHost } from "./grpc-addresses.ts";
import { parseGrpcUrl } from "./grpc-addresses.ts";
import { createGrpcClient, createGrpcTransport } from "./grpc-calls.ts";
import { createGrpcTarget, type GrpcTarget } from "./grpc-target.ts";
import { createLocalRpc } from "./local.ts";
import { createMeshIdentity, createMeshIdentityCheck } from "./mesh-identity.ts";
import { createMeshServer, type MeshServer } from "./mesh-server.ts";
import { type EchoClient, type EchoClients, type EchoHandlers, EchoService, echo } from "./test-echo.ts";

export const secret = "a secret of the mesh, for tests alone";
const logger = pino({ enabled: false });

/** A process of the mesh, as far as it serves. */
export interface EchoProcess {
  readonly port: number;
  readonly server: MeshServer;
}

/** Serves over a socket. Closes with the test. */
export async function startEcho(
  handlers: Partial<EchoHandlers> = {},
  { port = 0, meshSecret = secret }: { port?: number; meshSecret?: string } = {},
): Promise<EchoProcess> {
  const rpc = createLocalRpc({ logger, graceMs: 50 });
  rpc.serve(EchoService, { ...echo, ...handlers } as never);
  const server = createMeshServer({
    services: [EchoService],
    rpc,
    check: createMeshIdentityCheck(meshSecret),
    tls: undefined,
    logger,
  });
  const address = await server.listen({ host: "127.0.0.1", port });
  onTestFinished(() => server.close());
  return { port: address.port, server };
}

/** Those at these ports, as another process sees them. */
export function connectTo(
  url: string,
  {
    meshSecret = secret,
    resolve,
    intervalMs,
  }: { meshSecret?: string; resolve?: ResolveHost; intervalMs?: number } = {},
): EchoClients & { target: GrpcTarget } {
  const target = createGrpcTarget({
    name: "echo",
    url: parseGrpcUrl(url),
    credentials: credentials.createInsecure(),
    identity: createMeshIdentity(meshSecret),
    logger,
    resolve,
    resolveIntervalMs: intervalMs,
  });
  onTestFinished(() => target.close());
  return {
    target,
    client: createGrpcClient(EchoService, target) as unknown as EchoClient,
    connectClient: createClient(EchoService, createGrpcTransport(target)) as unknown as EchoClient,
  };
}

export const urlOf = (...processes: readonly EchoProcess[]) =>
  `grpc://${processes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
