import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTestCertificate } from "../common/test-certificates.ts";
import { checkCertificate } from "./check-certificate.ts";

const from = new Date("2030-01-01T00:00:00Z");
const to = new Date("2030-04-01T00:00:00Z");

test.each([
  ["2029-12-31", /^not valid before 2030-01-01/, /clock/],
  ["2030-02-01", /^valid until 2030-04-01.*, 59 days$/, undefined],
  ["2030-03-25", /^valid until .*, 7 days$/, /^Replace /],
  ["2030-04-02", /^expired on 2030-04-01/, /^Replace /],
])("on %s", (day, found, advice) => {
  const folder = mkdtempSync(join(tmpdir(), "parley-certificate-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const { cert, key } = createTestCertificate({ from, to });
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  const [finding] = checkCertificate(files, { now: Date.parse(day) });
  expect(finding?.found).toMatch(found);
  if (advice === undefined) expect(finding?.advice).toBeUndefined();
  else expect(finding?.advice).toMatch(advice);
});

test("nothing to say of a port in the clear", () => expect(checkCertificate(undefined)).toEqual([]));
