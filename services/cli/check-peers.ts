import { toConnectError } from "../common/errors.ts";
import { createHealthCheck } from "../common/health.ts";
import { createLogger } from "../common/logger.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import { connectMesh, type MeshConfig } from "../common/rpc/mesh.ts";
import type { Finding } from "./finding.ts";
import { urlName } from "./mesh-config.ts";

/** Whether the processes that host the other parts answer, and this one's proof of identity is good for them. */
export async function checkPeers(config: MeshConfig | undefined): Promise<Finding[]> {
  if (config === undefined || config.peers.length === 0) return [];
  const logger = createLogger({ level: "silent", pretty: false });
  const connections = connectMesh(config, { local: createLocalRpc({ logger }), logger });
  const names = new Set(config.peers.map(({ name }) => name));
  const parts = await createHealthCheck({ rpc: connections.rpc, parts: names })();
  connections.close();
  return parts.map(({ name, error, latencyMs }) => {
    const { hosts, tls } = config.peers.find((peer) => peer.name === name)!.url;
    const where = hosts.map(({ host, port }) => `${host}:${port}`).join(",");
    const what = `${name} at ${tls ? "grpcs" : "grpc"}://${where}`;
    if (error === undefined) return { what, found: `answers within ${Math.ceil(latencyMs)} ms` };
    const advice =
      `Start it (parley serve ${name}) if it doesn't run, correct ${urlName(name)} if it is elsewhere, and ` +
      "see that both have the same PARLEY_MESH_SECRET or certificates of the same authority.";
    return { what, found: toConnectError(error).rawMessage, advice };
  });
}
