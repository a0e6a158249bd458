import { useEffect, useState } from "preact/hooks";

/** Where one is. It stands behind the `#`, so that the server serves one page and reads no invitation's code. */
export type Route =
  | { readonly at: "home" }
  | { readonly at: "room"; readonly roomId: string }
  | { readonly at: "join"; readonly code: string };

export function parseRoute(hash: string): Route {
  const [, kind, value = ""] = /^#\/(rooms|join)\/([^/]+)$/.exec(hash) ?? [];
  if (kind === "rooms") return { at: "room", roomId: value };
  if (kind === "join") return { at: "join", code: decode(value) };
  return { at: "home" };
}

export function hrefOf(route: Route): string {
  if (route.at === "room") return `#/rooms/${route.roomId}`;
  return route.at === "join" ? `#/join/${encodeURIComponent(route.code)}` : "#/";
}

export function goTo(route: Route): void {
  location.hash = hrefOf(route);
}

/** Goes there in place of here, which is not to be come back to. */
export function replaceBy(route: Route): void {
  location.replace(hrefOf(route));
}

/** What to send to someone who is to join. */
export function invitationLink(code: string): string {
  return new URL(hrefOf({ at: "join", code }), new URL("/", location.href)).href;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return parseRoute(hash);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
