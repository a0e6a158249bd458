import type { EnvReader } from "../common/config.ts";
import { GrpcUrlError, parseGrpcUrl } from "../common/rpc/grpc-addresses.ts";
import type { MeshConfig, MeshPeer } from "../common/rpc/mesh.ts";
import { minMeshSecretLength } from "../common/rpc/mesh-identity.ts";
import { meshTlsNames, readTlsFiles, type TlsFiles } from "../common/tls.ts";
import { type CalledPart, calledParts, calls, missingParts, type Part, parts, servicesOf } from "./parts.ts";

const defaultPort = 8082;

/** How this process and the others reach each other; undefined for one that hosts everything and is called by nobody. */
export function readMeshConfig(reader: EnvReader, hosted: ReadonlySet<Part>): MeshConfig | undefined {
  const isComplete = hosted.size === parts.length;
  const host = reader.string("PARLEY_HOST", { default: "127.0.0.1" });
  const given = reader.port("PARLEY_MESH_PORT", { optional: true });
  const tls = readMeshTls(reader);
  const secret = reader.secret("PARLEY_MESH_SECRET", { minLength: minMeshSecretLength });
  const urls = calledParts.map((part) => [part, reader.string(urlName(part), { optional: true })] as const);
  if (isComplete) {
    for (const [part, url] of urls)
      if (url !== undefined)
        reader.problem(`${urlName(part)} is set: this process hosts ${part} itself, leave it out`);
    if (given === undefined) return undefined;
  }
  const missing = new Set(missingParts(hosted));
  const peers = urls
    .filter(([part]) => missing.has(part))
    .map(([part, url]) => readPeer(reader, { part, url, tls, hosted }))
    .filter((peer) => peer !== undefined);
  const isCalled = calledParts.some((part) => hosted.has(part));
  if (secret === undefined && tls === undefined) {
    reader.problem(
      `PARLEY_MESH_SECRET is missing: it should be ${minMeshSecretLength} random bytes or more, the same for all ` +
        "processes of the mesh, in it or in the file that PARLEY_MESH_SECRET_FILE names (openssl rand -base64 32 makes " +
        `some); or give each a certificate in ${meshTlsNames.cert}, ${meshTlsNames.key} and ${meshTlsNames.clientCa}`,
    );
  }
  return Object.freeze({
    listen: isCalled ? Object.freeze({ host, port: given ?? defaultPort }) : undefined,
    services: calledParts.filter((part) => hosted.has(part)).flatMap((part) => servicesOf[part]),
    tls,
    secret,
    peers,
  });
}

/** The variable that says where a part is. */
export function urlName(part: string): string {
  return `PARLEY_${part.toUpperCase()}_URL`;
}

function readMeshTls(reader: EnvReader): (TlsFiles & { clientCaFile: string }) | undefined {
  const files = readTlsFiles(reader, meshTlsNames);
  if (files === undefined) return undefined;
  const { clientCaFile } = files;
  if (clientCaFile !== undefined) return { ...files, clientCaFile };
  reader.problem(
    `${meshTlsNames.clientCa} is missing: it should name the file of the authority that signs the certificates of ` +
      "this mesh and of nobody else",
  );
  return undefined;
}

function readPeer(
  reader: EnvReader,
  peer: { part: CalledPart; url: string | undefined; tls: TlsFiles | undefined; hosted: ReadonlySet<Part> },
): MeshPeer | undefined {
  const { part, tls, hosted } = peer;
  const name = urlName(part);
  if (peer.url === undefined) {
    const callers = [...hosted].filter((caller) => calls[caller].includes(part)).join(" and ");
    reader.problem(
      `${name} is missing: ${callers} calls ${part}, which this process doesn't host, so it should be where ` +
        `${part} is, such as ${tls ? "grpcs" : "grpc"}://${part}:${defaultPort}`,
    );
    return undefined;
  }
  try {
    const url = parseGrpcUrl(peer.url);
    if (tls !== undefined && !url.tls)
      reader.problem(`${name} starts with grpc://: with ${meshTlsNames.cert} it should start with grpcs://`);
    return { name: part, url, services: servicesOf[part] };
  } catch (error) {
    if (!(error instanceof GrpcUrlError)) throw error;
    reader.problem(`${name} is ${JSON.stringify(peer.url)}: ${error.message}`);
    return undefined;
  }
}
