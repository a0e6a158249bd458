import { isIPv6 } from "node:net";

/**
 * What of a client's address counts for rates: an IPv4 address whole, of an IPv6 one the first 64 bits, since one
 * subscriber holds all the rest. Calls of unknown origin share one count.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const [plain = address] = address.split("%");
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:(?<ipv4>\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.groups?.ipv4;
  if (mapped !== undefined) return mapped;
  const [head = "", tail = ""] = plain.split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail);
  const zeros = plain.includes("::") ? 8 - first.length - last.length : 0;
  const groups = [...first, ...Array<string>(Math.max(0, zeros)).fill("0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

/** The 16-bit groups of a part of an address; one in dotted form, at its end, stands for two. */
function groupsOf(part: string): string[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
}
