import { BlockList, isIP } from "node:net";
import type { EnvReader } from "../services/common/config.ts";

const name = "PARLEY_TRUSTED_PROXIES";

/** The networks whose `X-Forwarded-*` headers are believed. */
export function readTrustedProxies(reader: EnvReader): BlockList {
  const trusted = new BlockList();
  const entries = reader.list(name, { default: ["none"] });
  if (entries.length === 1 && entries[0] === "none") return trusted;
  for (const entry of entries) {
    if (!trust(trusted, entry)) {
      reader.problem(
        `${name} has ${JSON.stringify(entry)}: it should be an address such as 10.0.0.1 or fd00::1, a network such as 10.0.0.0/8, or none alone`,
      );
    }
  }
  return trusted;
}

/** Answers false for what is neither an address nor a network. */
function trust(trusted: BlockList, entry: string): boolean {
  const [, address = "", prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  const bits = family === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (family === 0 || length > bits) return false;
  trusted.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
  return true;
}
