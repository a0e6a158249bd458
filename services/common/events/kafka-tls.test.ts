import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createTestCertificate, type TestAuthority } from "../test-certificates.ts";
import { createTlsSockets } from "./kafka-tls.ts";

const authority = createTestCertificate({ name: "Test authority", isAuthority: true });
const certificate = () => createTestCertificate({ issuer: authority });

/** Something that asks everybody for a certificate, as a broker does; it answers whose it saw. */
async function startListener(): Promise<number> {
  const { cert, key } = certificate();
  const server = createServer({ cert, key, ca: authority.cert, requestCert: true });
  server.on("secureConnection", (socket) => socket.end(socket.getPeerX509Certificate()!.fingerprint256));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Parley's files, with a certificate in them. */
function writeFiles({ cert, key }: TestAuthority) {
  const folder = mkdtempSync(join(tmpdir(), "parley-kafka-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(caFile, authority.cert);
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return { caFile, certFile, keyFile };
}

const fingerprintOf = ({ cert }: TestAuthority) => new X509Certificate(cert).fingerprint256;

test("each connection is made by what the files hold then, once that fits together", async () => {
  const port = await startListener();
  const [former, next] = [certificate(), certificate()];
  const files = writeFiles(former);
  const logs: string[] = [];
  const connect = createTlsSockets(files, pino({}, { write: (line: string) => void logs.push(line) }));
  const seen = async () => {
    const socket = connect({ host: "127.0.0.1", port, ssl: {}, onConnect: () => {} }) as TLSSocket;
    const [fingerprint] = await once(socket, "data");
    socket.destroy();
    return String(fingerprint);
  };

  expect(await seen()).toBe(fingerprintOf(former));
  writeFileSync(files.certFile, next.cert);
  expect(await seen()).toBe(fingerprintOf(former));
  expect(logs.join("")).toContain("the former one stays");
  writeFileSync(files.keyFile, next.key);
  expect(await seen()).toBe(fingerprintOf(next));
  expect(logs.join("")).toContain("a new certificate is in use");

  // As somebody finds them who comes while they are written.
  for (const file of Object.values(files)) {
    const content = readFileSync(file);
    for (const begun of ["", content.subarray(0, 100)]) {
      writeFileSync(file, begun);
      expect(await seen()).toBe(fingerprintOf(next));
    }
    writeFileSync(file, content);
  }

  writeFileSync(files.caFile, createTestCertificate({ name: "Another", isAuthority: true }).cert);
  await expect(seen()).rejects.toThrow(/unable to verify|self-signed|issuer/);
});
