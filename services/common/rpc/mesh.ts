import type { DescService } from "@bufbuild/protobuf";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Service } from "../lifecycle.ts";
import { loadTls, type TlsFiles, type TlsMaterial, watchTls } from "../tls.ts";
import type { GrpcUrl } from "./grpc-addresses.ts";
import { createGrpcClient, createGrpcTransport } from "./grpc-calls.ts";
import { createGrpcTarget, type GrpcTarget } from "./grpc-target.ts";
import type { LocalRpc } from "./local.ts";
import { certificateIdentity, createMeshIdentity, createMeshIdentityCheck } from "./mesh-identity.ts";
import { createMeshServer } from "./mesh-server.ts";
import type { RpcClients, RpcServer } from "./rpc.ts";

/** What a process knows of the mesh that it is of. */
export interface MeshConfig {
  /** Where the others reach this one; undefined if it has nothing for them. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  /** What it hosts for them. */
  readonly services: readonly DescService[];
  /** This process's certificate, and the authority of all of them: then they prove who they are. */
  readonly tls: (TlsFiles & { readonly clientCaFile: string }) | undefined;
  /** Proves it where there are no certificates. */
  readonly secret: string | undefined;
  readonly peers: readonly MeshPeer[];
}

/** A part of Parley that runs elsewhere, in any number of processes. */
export interface MeshPeer {
  /** For logs and errors: "message". */
  readonly name: string;
  readonly url: GrpcUrl;
  readonly services: readonly DescService[];
}

/** The RPC port of a process that hosts some services and calls others. */
export interface MeshConnections {
  readonly rpc: RpcServer & RpcClients;
  /** Closes the connections to other processes; what is served here goes on. */
  close(): void;
}

export interface MeshDeps {
  local: LocalRpc;
  logger: Logger;
}

/** Connects to the processes that host the other parts, whether or not they are there yet. */
export function connectMesh(config: MeshConfig, { local, logger }: MeshDeps): MeshConnections {
  const tls = config.tls && loadTls(config.tls);
  const identity = tls ? certificateIdentity : createMeshIdentity(config.secret ?? "");
  const peers = config.peers.map(({ name, url, services }) => {
    const target = createGrpcTarget({
      name,
      url,
      credentials: credentialsOf(url, tls),
      identity,
      logger: logger.child({ component: "mesh" }),
    });
    return { url, services, target };
  });
  const unwatch =
    tls &&
    watchTls(tls, {
      changed(material) {
        for (const { url, target } of peers) target.renew(credentialsOf(url, material));
      },
      logger,
    });
  const targets = peers.flatMap(({ services, target }) =>
    services.map(({ typeName }) => [typeName, target] as const),
  );
  return {
    rpc: placeCalls(local, new Map(targets)),
    close() {
      unwatch?.();
      for (const { target } of peers) target.close();
    },
  };
}

/** What the process hosts is called directly, everything else where it is. */
function placeCalls(local: LocalRpc, targets: ReadonlyMap<string, GrpcTarget>): RpcServer & RpcClients {
  const targetOf = ({ typeName }: DescService) => targets.get(typeName);
  return {
    serve: (service, implementation) => local.serve(service, implementation),
    client(service) {
      const target = targetOf(service);
      return target ? createGrpcClient(service, target) : local.client(service);
    },
    transport(service) {
      const target = targetOf(service);
      return target ? createGrpcTransport(target) : local.transport(service);
    },
    replicas: (service) => (targetOf(service) ?? local).replicas(service),
  };
}

function credentialsOf({ tls: isEncrypted }: GrpcUrl, tls: TlsMaterial | undefined): ChannelCredentials {
  if (!isEncrypted) return credentials.createInsecure();
  return tls ? credentials.createSsl(tls.clientCa, tls.key, tls.cert) : credentials.createSsl();
}

/** Takes the other processes' calls from now on. To be started when what it serves is, and closed before. */
export async function startMeshServer(
  config: MeshConfig,
  address: NonNullable<MeshConfig["listen"]>,
  { local, logger }: MeshDeps,
): Promise<Service & { readonly port: number }> {
  const tls = config.tls && loadTls(config.tls);
  const server = createMeshServer({
    services: config.services,
    rpc: local,
    check: config.tls ? undefined : createMeshIdentityCheck(config.secret ?? ""),
    tls,
    logger,
  });
  const { port } = await server.listen(address);
  const unwatch = tls && watchTls(tls, { changed: server.renew, logger });
  return {
    name: "mesh port",
    port,
    async close() {
      unwatch?.();
      await server.close();
    },
  };
}
