import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { type ConfigError, type Environment, readEnvironment } from "./config.ts";
import { createTestCertificate, type TestCertificate } from "./test-certificates.ts";
import { loadTls, readTlsFiles, type TlsFiles, type TlsMaterial, validityOf, watchTls } from "./tls.ts";

function testFiles(content: TestCertificate = createTestCertificate()): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), "parley-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  writeFileSync(files.certFile, content.cert);
  writeFileSync(files.keyFile, content.key);
  return files;
}

function problems(env: Environment): readonly string[] {
  const reader = readEnvironment(env);
  readTlsFiles(reader);
  try {
    reader.finish();
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

const environmentOf = ({ certFile, keyFile }: TlsFiles) => ({
  PARLEY_TLS_CERT_FILE: certFile,
  PARLEY_TLS_KEY_FILE: keyFile,
});

test("both files or neither", () => {
  const files = testFiles();
  expect(readTlsFiles(readEnvironment({}))).toBeUndefined();
  expect(readTlsFiles(readEnvironment(environmentOf(files)))).toEqual(files);
  expect(problems(environmentOf(files))).toEqual([]);
  for (const [name, file] of Object.entries(environmentOf(files)))
    expect(problems({ [name]: file })).toEqual([expect.stringMatching(/ is missing: .* TLS needs both$/)]);
});

test("files that can't serve are told, each by its name", () => {
  const files = testFiles({ cert: "not", key: "these" });
  expect(problems(environmentOf(files))).toEqual([
    expect.stringMatching(/^PARLEY_TLS_CERT_FILE is .*a certificate in PEM/),
    expect.stringMatching(/^PARLEY_TLS_KEY_FILE is .*a private key in PEM/),
  ]);
  expect(problems({ PARLEY_TLS_CERT_FILE: "/nowhere", PARLEY_TLS_KEY_FILE: files.keyFile })).toEqual([
    expect.stringContaining("(ENOENT)"),
    expect.stringMatching(/^PARLEY_TLS_KEY_FILE/),
  ]);
  const mixed = testFiles({ cert: createTestCertificate().cert, key: createTestCertificate().key });
  expect(problems(environmentOf(mixed))).toEqual([expect.stringContaining("is not that of the certificate")]);
  const { cert, key } = createTestCertificate();
  const passphrase = { cipher: "aes-256-cbc", passphrase: "secret", type: "pkcs8", format: "pem" } as const;
  const locked = testFiles({ cert, key: createPrivateKey(key).export(passphrase).toString() });
  expect(problems(environmentOf(locked))).toEqual([expect.stringContaining("without a passphrase")]);
});

test("the validity is that of the first certificate", () => {
  const [from, to] = [new Date("2020-01-02T03:04:05Z"), new Date("2021-01-02T03:04:05Z")];
  const authority = createTestCertificate({ isAuthority: true });
  const { cert, key } = createTestCertificate({ issuer: authority, from, to });
  expect(validityOf(testFiles({ cert: cert + authority.cert, key }))).toEqual({ from, to });
});

function watched() {
  const files = testFiles();
  const changed = vi.fn<(material: TlsMaterial) => void>();
  const logs: string[] = [];
  const logger = pino({}, { write: (line: string) => void logs.push(line) });
  onTestFinished(watchTls(loadTls(files), { changed, logger, intervalMs: 10 }));
  return { files, changed, logs };
}

test("a new certificate is used once its key is there", async () => {
  const { files, changed, logs } = watched();
  const { cert, key } = createTestCertificate();
  writeFileSync(files.certFile, cert);
  await vi.waitFor(() => expect(logs.join("")).toContain("the former one stays"));
  expect(changed).not.toHaveBeenCalled();
  rmSync(files.keyFile);
  await vi.waitFor(() => expect(logs.join("")).toContain("ENOENT"));
  writeFileSync(`${files.keyFile}.new`, key);
  renameSync(`${files.keyFile}.new`, files.keyFile);
  await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
  expect(changed).toHaveBeenCalledWith(loadTls(files));
  expect(logs).toEqual([
    expect.stringContaining("is not that of the certificate"),
    expect.stringContaining("ENOENT"),
    expect.stringContaining("a new certificate is in use"),
  ]);
});

test("the former certificate that comes back is no new one", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { files, changed, logs } = watched();
  const former = readFileSync(files.certFile);
  for (const content of ["half a certificate", former, "half a certificate"]) {
    writeFileSync(files.certFile, content);
    vi.advanceTimersByTime(20);
  }
  expect(changed).not.toHaveBeenCalled();
  expect(logs).toHaveLength(2);
});

test("a certificate that can't be taken is tried again, and one that is stays, whatever comes of its file", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { files, changed, logs } = watched();
  changed.mockImplementationOnce(() => {
    throw new Error("not now");
  });
  changed.mockImplementationOnce(() => rmSync(files.certFile));
  const to = new Date("2044-01-02T03:04:05Z");
  const { cert, key } = createTestCertificate({ to });
  writeFileSync(files.keyFile, key);
  writeFileSync(files.certFile, cert);
  vi.advanceTimersByTime(50);
  expect(logs).toEqual([
    expect.stringContaining("not now"),
    expect.stringContaining(`"validTo":"${to.toISOString()}"`),
    expect.stringContaining("ENOENT"),
  ]);
});
