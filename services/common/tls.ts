import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import type { EnvReader } from "./config.ts";

/** Where a port's certificate is. */
export interface TlsFiles {
  /** PEM: the server's certificate, then those between it and the root. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

/** What the files hold, known to fit together. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** TLS 1.2 and 1.3, with the suites that Node takes by default. */
export const tlsRules = { minVersion: "TLSv1.2" } as const;

const certName = "PARLEY_TLS_CERT_FILE";
const keyName = "PARLEY_TLS_KEY_FILE";
/** Looked at, not listened to: files that are replaced through links, as Kubernetes does it, tell no listener. */
const watchIntervalMs = 2000;

/** The files that public ports speak TLS by; undefined if they speak in the clear. Notes files that can't serve. */
export function readTlsFiles(reader: EnvReader): TlsFiles | undefined {
  const certFile = reader.string(certName, { optional: true });
  const keyFile = reader.string(keyName, { optional: true });
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    const [missing, set] = certFile === undefined ? [certName, keyName] : [keyName, certName];
    reader.problem(`${missing} is missing: ${set} is set, and TLS needs both`);
    return undefined;
  }
  const files = Object.freeze({ certFile, keyFile });
  for (const problem of tlsProblems(files)) reader.problem(problem);
  return files;
}

/** Reads both. Throws an error that says what is wrong with them. */
export function loadTls({ certFile, keyFile }: TlsFiles): TlsMaterial {
  const material = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  if (!certificateIn(material.cert).checkPrivateKey(createPrivateKey(material.key)))
    throw new Error(`the key in ${keyFile} is not that of the certificate in ${certFile}`);
  createSecureContext({ ...tlsRules, ...material });
  return material;
}

/** From when to when the certificate is valid. Throws for a file that holds none. */
export function validityOf({ certFile }: TlsFiles): { from: Date; to: Date } {
  const { validFromDate: from, validToDate: to } = certificateIn(readFileSync(certFile));
  return { from, to };
}

/**
 * Calls `changed` when the files hold something else that fits together. Between a new certificate and its key nothing
 * does, so what can't be used is logged and waited out, with the former one in use. Answers how to stop.
 */
export function watchTls(
  files: TlsFiles,
  deps: { changed(material: TlsMaterial): void; logger: Logger; intervalMs?: number },
): () => void {
  let current = loadTls(files);
  function look(): void {
    try {
      const next = loadTls(files);
      if (next.cert.equals(current.cert) && next.key.equals(current.key)) return;
      deps.changed(next);
      current = next;
      deps.logger.info({ validTo: validityOf(files).to }, "a new certificate is in use");
    } catch (err) {
      deps.logger.warn({ err }, "the new certificate can't be used, the former one stays");
    }
  }
  const names = [files.certFile, files.keyFile];
  for (const name of names)
    watchFile(name, { interval: deps.intervalMs ?? watchIntervalMs, persistent: false }, look);
  return () => {
    for (const name of names) unwatchFile(name, look);
  };
}

function tlsProblems(files: TlsFiles): string[] {
  const problems = [
    problemOf(certName, files.certFile, "a certificate in PEM", certificateIn),
    problemOf(keyName, files.keyFile, "a private key in PEM, without a passphrase", createPrivateKey),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) return problems;
  try {
    loadTls(files);
    return [];
  } catch (error) {
    return [`${certName} and ${keyName}: ${(error as Error).message}`];
  }
}

function problemOf(
  name: string,
  file: string,
  should: string,
  parse: (content: Buffer) => unknown,
): string | undefined {
  try {
    parse(readFileSync(file));
    return undefined;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    const why = syscall === undefined ? "" : ` (${code})`;
    return `${name} is ${JSON.stringify(file)}: it should be a file with ${should}${why}`;
  }
}

function certificateIn(content: Buffer): X509Certificate {
  return new X509Certificate(content);
}
