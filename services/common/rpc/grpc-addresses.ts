import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Logger } from "pino";
import { pause } from "../backoff.ts";

/** Where processes that serve a service are, as `PARLEY_<SERVICE>_URL` names them. */
export interface GrpcUrl {
  readonly tls: boolean;
  /** At least one; a name stands for every address that it resolves to. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
}

/** Not a URL of processes of the mesh. The message says what to write instead. */
export class GrpcUrlError extends Error {
  constructor(problem: string) {
    super(`${problem}; write grpc://host:port, or grpcs:// for TLS, several as grpc://a:8082,b:8082`);
    this.name = "GrpcUrlError";
  }
}

/** Throws GrpcUrlError. */
export function parseGrpcUrl(url: string): GrpcUrl {
  const [, scheme = "", rest = ""] = /^(grpcs?):\/\/([^/?#@]+)\/?$/.exec(url) ?? [];
  if (scheme === "") throw new GrpcUrlError("this is no address of a process of the mesh");
  return { tls: scheme === "grpcs", hosts: rest.split(",").map(parseHost) };
}

function parseHost(written: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(written) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined) throw new GrpcUrlError(`"${written}" is no host and port`);
  if (bracketed !== undefined && isIP(bracketed) !== 6)
    throw new GrpcUrlError(`"${written}" has no IPv6 address`);
  if (port < 1 || port > 65_535) throw new GrpcUrlError(`"${written}" has no port between 1 and 65535`);
  return { host, port };
}

/** All addresses of a name. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export const resolveHost: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
};

export interface AddressWatchDeps {
  resolve?: ResolveHost;
  /** How often names are looked up again, in ms: a replica that was added is found within it. */
  intervalMs?: number;
  logger: Logger;
}

const defaultIntervalMs = 5000;

/**
 * Calls `changed` with every address of the URL, as `host:port`, and again whenever that is another set. `hostOf` tells
 * the host of the URL that an address belongs to, by which its certificate is checked. While a name can't be resolved,
 * what was known of it stays.
 */
export async function watchAddresses(
  { hosts }: GrpcUrl,
  changed: (addresses: readonly string[], hostOf: (address: string) => string) => void,
  signal: AbortSignal,
  { resolve = resolveHost, intervalMs = defaultIntervalMs, logger }: AddressWatchDeps,
): Promise<void> {
  const known = new Map<string, readonly string[]>();
  const failing = new Set<string>();
  let last = "";

  async function resolveOne(host: string): Promise<void> {
    try {
      known.set(host, await resolve(host));
      if (failing.delete(host)) logger.info({ host }, "the name resolves again");
    } catch (err) {
      if (!failing.has(host)) logger.warn({ err, host }, "the name can't be resolved");
      failing.add(host);
    }
  }

  while (!signal.aborted) {
    const names = hosts.map(({ host }) => host).filter((host) => isIP(host) === 0);
    await Promise.all([...new Set(names)].map(resolveOne));
    if (signal.aborted) return;
    const hostOf = new Map<string, string>();
    for (const { host, port } of hosts) {
      for (const ip of isIP(host) === 0 ? (known.get(host) ?? []) : [host])
        hostOf.set(joined(ip, port), host);
    }
    const sorted = [...hostOf.keys()].sort();
    if (sorted.join() !== last) {
      last = sorted.join();
      changed(sorted, (address) => hostOf.get(address)!);
    }
    if (names.length === 0) return;
    await pause(intervalMs, signal);
  }
}

function joined(ip: string, port: number): string {
  return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
