import type { EnvReader } from "../services/common/config.ts";
import type { Client } from "./clients.ts";

const name = "PARLEY_ALLOWED_ORIGINS";

/** Origins besides the server's own whose pages may connect, as browsers write them. */
export function readAllowedOrigins(reader: EnvReader): readonly string[] {
  const origins = reader.list(name, { default: [] });
  for (const origin of origins) {
    if (!isOrigin(origin)) {
      reader.problem(
        `${name} has ${JSON.stringify(origin)}: it should be an origin such as https://chat.example or https://chat.example:8443, without a path`,
      );
    }
  }
  return origins;
}

/**
 * Whether a page of this origin may connect. No Origin: no browser. Otherwise it is the server's own, as the client
 * called it (scheme, host and port), or a configured one. Browsers write origins in one way only, so anything else is
 * compared to nothing: other cases, lists, paths, user names.
 */
export function mayConnect(origin: string | undefined, client: Client, allowed: readonly string[]): boolean {
  if (origin === undefined) return true;
  return allowed.includes(origin) || origin === ownOrigin(client);
}

function ownOrigin({ scheme, host }: Client): string | undefined {
  if (host === undefined) return undefined;
  return URL.parse(`${scheme}://${host}`)?.origin;
}

/** Packaged applications have schemes of their own (capacitor://localhost), whose origin URL doesn't tell. */
function isOrigin(text: string): boolean {
  if (/^https?:/.test(text)) return URL.parse(text)?.origin === text;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/.test(text);
}
