import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import type { EnvReader } from "./config.ts";

/** Where a port's certificate is. */
export interface TlsFiles {
  /** PEM: the server's certificate, then those between it and the root. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
  /** PEM: who signs the certificates that clients of gRPC must show; without it they need none. */
  readonly clientCaFile?: string | undefined;
}

/** What the files hold, known to fit together. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa?: Buffer | undefined;
}

/** What some files held when they were read. */
export interface LoadedTls extends TlsMaterial {
  readonly files: TlsFiles;
}

/** TLS 1.2 and 1.3, with the suites that Node takes by default. */
export const tlsRules = { minVersion: "TLSv1.2" } as const;

/** The variables that name a port's files. */
export interface TlsNames {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

const publicTlsNames: TlsNames = {
  cert: "PARLEY_TLS_CERT_FILE",
  key: "PARLEY_TLS_KEY_FILE",
  clientCa: "PARLEY_TLS_CLIENT_CA_FILE",
};

/** Of the port between services, and of its clients. */
export const meshTlsNames: TlsNames = {
  cert: "PARLEY_MESH_TLS_CERT_FILE",
  key: "PARLEY_MESH_TLS_KEY_FILE",
  clientCa: "PARLEY_MESH_TLS_CA_FILE",
};

/**
 * Read, not listened to: files that are replaced through links, as Kubernetes does it, tell no listener, and Node's
 * `watchFile` misses what changes before its first look.
 */
const watchIntervalMs = 2000;

/** The files that a port speaks TLS by; undefined if it speaks in the clear. Notes files that can't serve. */
export function readTlsFiles(reader: EnvReader, names: TlsNames = publicTlsNames): TlsFiles | undefined {
  const certFile = reader.string(names.cert, { optional: true });
  const keyFile = reader.string(names.key, { optional: true });
  const clientCaFile = reader.string(names.clientCa, { optional: true });
  if (certFile === undefined && keyFile === undefined) {
    if (clientCaFile !== undefined)
      reader.problem(`${names.clientCa} is set: it needs ${names.cert} and ${names.key} too`);
    return undefined;
  }
  if (certFile === undefined || keyFile === undefined) {
    const [missing, set] = certFile === undefined ? [names.cert, names.key] : [names.key, names.cert];
    reader.problem(`${missing} is missing: ${set} is set, and TLS needs both`);
    return undefined;
  }
  const files = Object.freeze({ certFile, keyFile, clientCaFile });
  for (const problem of tlsProblems(files, names)) reader.problem(problem);
  return files;
}

/** Reads them. Throws an error that says what is wrong with them. */
export function loadTls(files: TlsFiles): LoadedTls {
  const material = readMaterial(files);
  checkMaterial(material);
  return material;
}

/** Reads who signs others' certificates. Throws for a file without any, which OpenSSL takes for an empty list. */
export function loadAuthorities(file: string): Buffer {
  const pem = readFileSync(file);
  certificateIn(pem);
  return pem;
}

/** As a TLS server that demands its clients' certificates, if there is somebody to have signed them. */
export function mutualTls({ cert, key, clientCa }: TlsMaterial) {
  return {
    ...tlsRules,
    cert,
    key,
    ...(clientCa && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

/** From when to when the certificate is valid. Throws for a file that holds none. */
export function validityOf({ certFile }: Pick<TlsFiles, "certFile">): { from: Date; to: Date } {
  const { validFromDate: from, validToDate: to } = certificateIn(readFileSync(certFile));
  return { from, to };
}

/**
 * Calls `changed` when the files hold something else than what is `inUse`, and it fits together. Between a new
 * certificate and its key nothing does, so what can't be used is logged once and waited out, with the former one in
 * use. Answers how to stop.
 */
export function watchTls(
  inUse: LoadedTls,
  deps: { changed(material: TlsMaterial): void; logger: Logger; intervalMs?: number },
): () => void {
  let used = inUse;
  let complaint: string | undefined;
  function look(): void {
    try {
      const found = readMaterial(inUse.files);
      if (!isSame(found, used)) {
        checkMaterial(found);
        deps.changed(found);
        used = found;
        deps.logger.info({ validTo: certificateIn(found.cert).validToDate }, "a new certificate is in use");
      }
      complaint = undefined;
    } catch (err) {
      const { message } = err as Error;
      if (message === complaint) return;
      complaint = message;
      deps.logger.warn({ err }, "the new certificate can't be used, the former one stays");
    }
  }
  const timer = setInterval(look, deps.intervalMs ?? watchIntervalMs).unref();
  return () => clearInterval(timer);
}

function readMaterial(files: TlsFiles): LoadedTls {
  const { certFile, keyFile, clientCaFile } = files;
  const clientCa = clientCaFile === undefined ? undefined : readFileSync(clientCaFile);
  return { files, cert: readFileSync(certFile), key: readFileSync(keyFile), clientCa };
}

function checkMaterial(material: LoadedTls): void {
  const { certFile, keyFile } = material.files;
  if (material.clientCa !== undefined) certificateIn(material.clientCa);
  if (!certificateIn(material.cert).checkPrivateKey(createPrivateKey(material.key)))
    throw new Error(`the key in ${keyFile} is not that of the certificate in ${certFile}`);
  createSecureContext({ ...tlsRules, ...material });
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  const [first, second] = [a, b].map(({ cert, key, clientCa }) =>
    Buffer.concat([cert, key, clientCa ?? Buffer.alloc(0)]),
  );
  return first!.equals(second!);
}

function tlsProblems(files: TlsFiles, names: TlsNames): string[] {
  const problems = [
    problemOf(names.cert, files.certFile, "a certificate in PEM", certificateIn),
    problemOf(names.key, files.keyFile, "a private key in PEM, without a passphrase", createPrivateKey),
    files.clientCaFile === undefined
      ? undefined
      : problemOf(names.clientCa, files.clientCaFile, "certificates in PEM", certificateIn),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) return problems;
  try {
    loadTls(files);
    return [];
  } catch (error) {
    return [`${names.cert} and ${names.key}: ${(error as Error).message}`];
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
