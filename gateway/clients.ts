import { type BlockList, isIP } from "node:net";

/**
 * Who is at the other end of a connection. What proxies say of the client counts only as far as the operator trusts
 * them: this is the one place that reads `X-Forwarded-*`, for HTTP, WebSockets and gRPC alike.
 */
export interface Client {
  /** The network address, without a port; empty when even the connection's own is unknown, since it is gone. */
  readonly address: string;
  /** How the client speaks, to the first proxy if there are any. */
  readonly scheme: "http" | "https";
  /** The host, with its port if it is not the scheme's own, by which the client knows this server. */
  readonly host: string | undefined;
}

/** A connection as the operating system tells it. */
export interface Peer {
  readonly address: string | undefined;
  /** Whether it speaks TLS. */
  readonly isEncrypted: boolean;
}

/** By lower-case name; several of one name joined by commas, as Node does it. */
export type ClientHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface ClientReader {
  clientOf(peer: Peer, headers: ClientHeaders): Client;
  /** Whether the connection is a proxy's, which speaks for many clients. */
  isProxy(address: string | undefined): boolean;
}

/**
 * Each proxy appends the address that it was called from to `X-Forwarded-For`, so the list is read from its end: the
 * first address that is no trusted proxy's is the client's, and what stands before it is the client's own invention.
 * `X-Forwarded-Proto` and `X-Forwarded-Host` are taken from the same proxy's entry, or the first there is where proxies
 * overwrite instead of append.
 */
export function createClientReader(trusted: BlockList): ClientReader {
  function isProxy(address: string | undefined): boolean {
    const family = isIP(address ?? "");
    return family !== 0 && trusted.check(address as string, family === 6 ? "ipv6" : "ipv4");
  }

  return {
    isProxy,
    clientOf(peer, headers) {
      const own: Client = {
        address: plainAddress(peer.address ?? ""),
        scheme: peer.isEncrypted ? "https" : "http",
        host: first(headers.host),
      };
      if (!isProxy(peer.address)) return own;
      const chain = listOf(headers["x-forwarded-for"]);
      let { address } = own;
      let hop = 0;
      while (hop < chain.length && isProxy(address)) {
        const next = addressIn(chain[chain.length - 1 - hop] as string);
        if (next === undefined) break;
        address = next;
        hop++;
      }
      const scheme = entryOf(headers["x-forwarded-proto"], hop)?.toLowerCase();
      return {
        address,
        scheme: scheme === "https" || scheme === "http" ? scheme : own.scheme,
        host: entryOf(headers["x-forwarded-host"], hop) ?? own.host,
      };
    },
  };
}

/** What the proxy that is `hop` steps away said: the list's end is the nearest one's. */
function entryOf(header: string | string[] | undefined, hop: number): string | undefined {
  const entries = listOf(header);
  return entries[Math.max(0, entries.length - Math.max(1, hop))];
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(",") : (header ?? "");
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Some proxies write a port behind the address. Undefined for what is none, such as "unknown". */
function addressIn(entry: string): string | undefined {
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<ipv4>[\d.]+))(?::\d+)?$/.exec(entry)?.groups;
  const address = match?.ipv6 ?? match?.ipv4 ?? entry;
  return isIP(address) === 0 ? undefined : plainAddress(address);
}

/** IPv4 addresses in their own form also where a socket for both kinds has them mapped into IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
