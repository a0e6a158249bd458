import { type TlsFiles, validityOf } from "../common/tls.ts";
import type { Finding } from "./finding.ts";

/** Below this, renewal has failed or nobody thinks of it. */
const minLeftDays = 14;
const dayMs = 86_400_000;

/** How long the certificate is good for. That the files fit together, reading the configuration has shown. */
export function checkCertificate(
  files: TlsFiles | undefined,
  { now = Date.now(), name: what = "TLS certificate" }: { now?: number; name?: string } = {},
): Finding[] {
  if (files === undefined) return [];
  const { from, to } = validityOf(files);
  const leftDays = Math.floor((to.getTime() - now) / dayMs);
  const days = `until ${to.toISOString()}, ${leftDays} days`;
  const advice = `Replace ${files.certFile} and ${files.keyFile}: new files are used without a restart.`;
  if (from.getTime() > now) {
    const clock = "Check the clock of this machine, or use a certificate that is valid already.";
    return [{ what, found: `not valid before ${from.toISOString()}`, advice: clock }];
  }
  if (leftDays < 0) return [{ what, found: `expired on ${to.toISOString()}`, advice }];
  if (leftDays < minLeftDays) return [{ what, found: `valid ${days}`, advice }];
  return [{ what, found: `valid ${days}` }];
}
