/**
 * What every answer says to browsers, refusals included: it is data, to be read by programs of origins that may (CORS
 * says which), and neither a page, nor a script, nor something to show in a frame. Nothing is kept by caches unless an
 * answer says otherwise.
 */
export const securityHeaders: Readonly<Record<string, string>> = Object.freeze({
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
});

/** For a year the browser asks for this host by TLS alone. */
const hsts = "max-age=31536000";

/** Told only to who came by TLS, to Parley itself or to a trusted proxy: elsewhere it would be a promise for others. */
export function transportHeaders(scheme: "http" | "https"): Readonly<Record<string, string>> {
  return scheme === "https" ? { "strict-transport-security": hsts } : {};
}

/** What a page that people sign in to says besides: no other window holds it, and it wants none of the device's senses. */
export const pageHeaders: Readonly<Record<string, string>> = Object.freeze({
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
});

/**
 * The Content-Security-Policy of a page that Parley serves: everything from its own origin, no inline script, no foreign
 * host, no plug-in, no form that leaves, no frame around it. `more` adds sources to a directive.
 */
export function pagePolicy(more: Readonly<Record<string, string>> = {}): string {
  const directives: Record<string, string> = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
  };
  for (const [name, sources] of Object.entries(more))
    directives[name] = `${directives[name] ?? ""} ${sources}`.trim();
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources}`)
    .join("; ");
}
