import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../services/common/test-free-port.ts";
import { startBalancer } from "./balancer.ts";
import { kafkaEnvironment, preparedKafka } from "./kafka/environment.ts";
import type { Stack, StackOptions } from "./stack.ts";
import { createStackProcess, type StackProcess } from "./stack-process.ts";

/** A stack of several processes: HTTP goes to the first gateway, gRPC to the last one, WebSockets to all in turn. */
export interface MeshStack extends Stack {
  /** By name, in the order in which they start. */
  readonly processes: ReadonlyMap<string, StackProcess>;
  /** By name, where each that is no gateway shows its metrics. */
  readonly operatorUrls: ReadonlyMap<string, string>;
  /** Each gateway, in the order of their names. */
  readonly gatewayUrls: readonly string[];
}

export interface MeshOptions extends StackOptions {
  /** The processes besides the gateways: what each hosts, by name. */
  services?: Readonly<Record<string, readonly string[]>>;
  /** How many gateways: two unless said otherwise. */
  gateways?: number;
  /** How long each process may take to be ready, ms. */
  readyTimeoutMs?: number;
}

/** As far apart as they can be without a broker. */
const defaultServices = { auth: ["auth"], room: ["room"], backend: ["message", "delivery"] };
const gatewayNameOf = (index: number) => `gateway-${index + 1}`;

/** With Kafka between them, message and delivery are apart, and delivery is there twice. */
export const servicesOnKafka = {
  auth: ["auth"],
  room: ["room"],
  message: ["message"],
  "delivery-1": ["delivery"],
  "delivery-2": ["delivery"],
};

/** The mesh on a Kafka cluster, under a prefix of its own. */
export async function startMeshOnKafka(kafkaUrl: string, options: MeshOptions = {}): Promise<MeshStack> {
  const { prefix } = await preparedKafka(kafkaUrl);
  const env = { ...kafkaEnvironment(kafkaUrl, prefix), ...options.env };
  return startMesh({ services: servicesOnKafka, ...options, env });
}

/** `parley serve` with the parts in processes of their own. */
export async function startMesh(options: MeshOptions = {}): Promise<MeshStack> {
  const folder = mkdtempSync(join(tmpdir(), "parley-test-"));
  const { PARLEY_OPERATOR_PORT: operatorPort, ...common } = { ...defaultEnv(folder), ...options.env };
  const shared = { folder, readyTimeoutMs: options.readyTimeoutMs };
  const services = await createServices(options.services ?? defaultServices, { ...shared, common });
  const gateways = await createGateways({
    ...shared,
    count: options.gateways ?? 2,
    common: { ...common, ...services.urls },
    operatorPort,
  });
  // Not for calls: what a server says to who sends too much is lost when a proxy meets its reset first.
  const balancer = await startBalancer(gateways.httpPorts);

  const processes = new Map([...services.processes, ...gateways.processes]);
  const all = [...processes.values()];
  const start = async () => void (await Promise.all(all.map((process) => process.start())));
  const kill = async () => void (await Promise.all(all.map((process) => process.end("SIGKILL"))));
  const dispose = async () => {
    await kill();
    balancer.close();
    rmSync(folder, { recursive: true, force: true });
  };
  await start().catch(async (error) => {
    await dispose();
    throw error;
  });
  const gatewayUrls = gateways.httpPorts.map((port) => `http://127.0.0.1:${port}`);
  return {
    url: gatewayUrls[0]!,
    gatewayUrls,
    operatorUrls: services.operatorUrls,
    socketUrl: `http://127.0.0.1:${balancer.port}`,
    grpcUrl: `http://127.0.0.1:${gateways.grpcPorts.at(-1)}`,
    folder,
    databaseUrl: `sqlite:${folder}`,
    processes,
    get pid() {
      return processes.get(gatewayNameOf(0))?.pid ?? 0;
    },
    output: () => all.map((process) => process.output()).join(""),
    kill,
    async terminate() {
      const codes: (number | null)[] = [];
      // Gateways first: they tell their clients to come back.
      for (const process of all.toReversed()) codes.push(await process.end("SIGTERM"));
      return codes.find((code) => code !== 0) ?? 0;
    },
    start,
    [Symbol.asyncDispose]: dispose,
  };
}

/** What all processes of a mesh have. */
interface Shared {
  readonly folder: string;
  readonly common: Readonly<Record<string, string>>;
  readonly readyTimeoutMs: number | undefined;
}

function defaultEnv(folder: string): Record<string, string> {
  const secretFile = join(folder, "key-encryption.secret");
  writeFileSync(secretFile, "another secret of nothing but these tests\n", { mode: 0o600 });
  return {
    PARLEY_DATABASE_URL: `sqlite:${folder}`,
    PARLEY_LIMITS: "off",
    PARLEY_LOG_LEVEL: "info",
    // So many processes on a machine that runs other tests are late for that reason alone.
    PARLEY_OVERLOAD_TARGET: "10s",
    PARLEY_MESH_SECRET: "a secret of nothing but these tests",
    // Where one process would keep it, so that tests find it.
    PARLEY_KEY_ENCRYPTION_SECRET_FILE: secretFile,
  };
}

const isReadyAt = (port: number) => async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;

/** What each hosts, by name. Answers them, and where the others find each part. */
async function createServices(services: NonNullable<MeshOptions["services"]>, { common, ...shared }: Shared) {
  const places: Record<string, string[]> = {};
  const ports = new Map<string, number>();
  for (const [name, parts] of Object.entries(services)) {
    const port = await freePort();
    ports.set(name, port);
    for (const part of parts) places[part] = [...(places[part] ?? []), `127.0.0.1:${port}`];
  }
  const urls: Record<string, string> = {};
  for (const [part, addresses] of Object.entries(places))
    urls[`PARLEY_${part.toUpperCase()}_URL`] = `grpc://${addresses.join(",")}`;

  const processes = new Map<string, StackProcess>();
  const operatorUrls = new Map<string, string>();
  for (const [name, parts] of Object.entries(services)) {
    const operator = await freePort();
    operatorUrls.set(name, `http://127.0.0.1:${operator}`);
    const own = { PARLEY_MESH_PORT: String(ports.get(name)), PARLEY_OPERATOR_PORT: String(operator) };
    const env = { ...common, ...urls, ...own };
    processes.set(name, createStackProcess({ ...shared, parts, env, isReady: isReadyAt(operator) }));
  }
  return { processes, urls, operatorUrls };
}

/** The first has the operator port that was asked for, if any. */
async function createGateways(deps: Shared & { count: number; operatorPort: string | undefined }) {
  const { count, common, operatorPort, ...shared } = deps;
  const processes = new Map<string, StackProcess>();
  const httpPorts: number[] = [];
  const grpcPorts: number[] = [];
  for (let i = 0; i < count; i++) {
    const [http, grpc] = [await freePort(), await freePort()];
    httpPorts.push(http);
    grpcPorts.push(grpc);
    const env = {
      ...common,
      PARLEY_HTTP_PORT: String(http),
      PARLEY_GRPC_PORT: String(grpc),
      ...(i === 0 && operatorPort && { PARLEY_OPERATOR_PORT: operatorPort }),
    };
    const gateway = createStackProcess({ ...shared, parts: ["gateway"], env, isReady: isReadyAt(http) });
    processes.set(gatewayNameOf(i), gateway);
  }
  return { processes, httpPorts, grpcPorts };
}
