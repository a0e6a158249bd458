import { once } from "node:events";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createServer } from "node:net";
import { json } from "node:stream/consumers";
import type { Finding } from "./finding.ts";

const patienceMs = 3000;

const otherHost = "Name an address of this machine in PARLEY_HOST, such as 127.0.0.1 or 0.0.0.0.";
const ports = "PARLEY_HTTP_PORT, PARLEY_GRPC_PORT, PARLEY_MESH_PORT or PARLEY_OPERATOR_PORT";

const advices = new Map<string | undefined, (variable: string) => string>([
  ["EADDRINUSE", (variable) => `Stop the program that has it, or name another port in ${variable}.`],
  ["EADDRNOTAVAIL", () => otherHost],
  ["ENOTFOUND", () => otherHost],
  ["EACCES", (variable) => `Ports below 1024 need a privilege: name a higher one in ${variable}.`],
]);

/** What to do about an error of listening on the port that a variable names. */
export function listenAdvice(code: string | undefined, variable = ports): string {
  const advice = advices.get(code);
  return advice?.(variable) ?? `Name another address in PARLEY_HOST or another port in ${variable}.`;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The ports that a process listens on; it needn't have them all. */
export interface PortsConfig {
  readonly gateway?: (Address & { readonly grpcPort: number; readonly tls: object | undefined }) | undefined;
  readonly mesh?: Address | undefined;
  readonly operator?: Address | undefined;
}

/** Whether Parley can listen, or does already. */
export async function checkPorts({ gateway, mesh, operator }: PortsConfig): Promise<Finding[]> {
  const others = [
    ...(mesh ? [await checkPort("mesh", mesh.host, mesh.port, "PARLEY_MESH_PORT")] : []),
    ...(operator ? [await checkPort("operator", operator.host, operator.port, "PARLEY_OPERATOR_PORT")] : []),
  ];
  if (gateway === undefined) return others.map(({ finding }) => finding);
  const { host, port, grpcPort, tls } = gateway;
  const http = await checkPort("HTTP", host, port, "PARLEY_HTTP_PORT");
  others.unshift(await checkPort("gRPC", host, grpcPort, "PARLEY_GRPC_PORT"));
  const running = http.code === "EADDRINUSE" ? await askParley(host, port, tls !== undefined) : undefined;
  if (running === undefined) return [http, ...others].map(({ finding }) => finding);
  const found = "taken, as by the Parley that runs";
  return [
    { what: http.finding.what, ...running },
    ...others.map(({ code, finding }) => (code === "EADDRINUSE" ? { what: finding.what, found } : finding)),
  ];
}

async function checkPort(name: string, host: string, port: number, variable: string) {
  const what = `${name} port ${port} on ${host}`;
  const server = createServer().listen({ host, port });
  try {
    await once(server, "listening");
    server.close();
    return { code: undefined, finding: { what, found: "free" } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code, finding: { what, found: message, advice: listenAdvice(code, variable) } };
  }
}

/** What a Parley that listens there says of itself; undefined if it is none. */
async function askParley(
  host: string,
  port: number,
  isTls: boolean,
): Promise<Omit<Finding, "what"> | undefined> {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const target = { host: reachable, port, path: "/readyz", signal: AbortSignal.timeout(patienceMs) };
  // Its certificate is for the name that clients use, and is looked at elsewhere.
  const request = isTls ? requestHttps({ ...target, rejectUnauthorized: false }) : requestHttp(target);
  try {
    const [response] = (await once(request.end(), "response")) as [IncomingMessage];
    const { status } = (await json(response)) as { status?: unknown };
    if (status === "ready") return { found: "Parley runs there and is ready" };
    if (response.statusCode !== 503) return undefined;
    return { found: "Parley runs there but is not ready", advice: "See its log for what it waits for." };
  } catch {
    return undefined;
  }
}
