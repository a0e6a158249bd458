import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Certificates made on the spot, so that tests need neither files nor another program. */
export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface TestCertificateOptions {
  /** The common name. */
  name?: string;
  /** Who signs it; itself without one. */
  issuer?: TestCertificate & { readonly name: string; readonly privateKey: KeyObject };
  isAuthority?: boolean;
  from?: Date;
  to?: Date;
}

export type TestAuthority = NonNullable<TestCertificateOptions["issuer"]>;

const dayMs = 86_400_000;

/** For localhost, 127.0.0.1 and ::1, as server and as client, on P-256. */
export function createTestCertificate(options: TestCertificateOptions = {}): TestAuthority {
  const { name = "localhost", issuer, isAuthority = false } = options;
  const from = options.from ?? new Date(Date.now() - dayMs);
  const to = options.to ?? new Date(Date.now() + 30 * dayMs);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.of(2))),
    // Begins with a digit that needs no padding and takes none.
    integer(Buffer.from(`40${crypto.randomUUID().replaceAll("-", "")}`, "hex")),
    ecdsaWithSha256,
    nameOf(issuer?.name ?? name),
    sequence(time(from), time(to)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensionsOf(isAuthority))),
  );
  const signature = sign("sha256", toBeSigned, issuer?.privateKey ?? privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, der(3, Buffer.of(0), signature));
  // No empty line among them, whatever the length: after one, OpenSSL takes what came before for a header.
  const lines = certificate
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n");
  return {
    name,
    privateKey,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extensionsOf(isAuthority: boolean): Buffer[] {
  const hosts = sequence(
    der(0x82, Buffer.from("localhost")),
    der(0x87, Buffer.of(127, 0, 0, 1)),
    der(0x87, Buffer.concat([Buffer.alloc(15), Buffer.of(1)])),
  );
  const basic = sequence(...(isAuthority ? [der(1, Buffer.of(255))] : []));
  return [sequence(oid("551d13"), der(4, basic)), sequence(oid("551d11"), der(4, hosts))];
}

/** DER: the tag, the length in as few bytes as it takes, the content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length < 128 ? [] : body.length < 256 ? [0x81] : [0x82, body.length >> 8];
  return Buffer.concat([Buffer.of(tag, ...size, body.length & 255), body]);
}

const sequence = (...items: Buffer[]): Buffer => der(0x30, ...items);
const oid = (hex: string): Buffer => der(6, Buffer.from(hex, "hex"));
const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));

/** A leading zero keeps it positive. */
function integer(bytes: Buffer): Buffer {
  return der(2, ...(bytes.readUInt8(0) > 127 ? [Buffer.of(0)] : []), bytes);
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, "")}Z`));
}
