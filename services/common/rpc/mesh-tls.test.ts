import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { reasonOf } from "../errors.ts";
import { createTestCertificate, type TestAuthority } from "../test-certificates.ts";
import type { GrpcUrl } from "./grpc-addresses.ts";
import { createLocalRpc } from "./local.ts";
import { connectMesh, type MeshConfig, startMeshServer } from "./mesh.ts";
import { collect, type EchoClient, EchoService, echo, failureOf, values } from "./test-echo.ts";

const logger = pino({ enabled: false });

const authority = (name = "mesh") =>
  createTestCertificate({ name: `authority of the ${name}`, isAuthority: true });

/** A certificate of the authority, as files that can be replaced by those of another. */
function certificateFiles(issuer: TestAuthority) {
  const folder = mkdtempSync(join(tmpdir(), "parley-mesh-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = {
    certFile: join(folder, "cert.pem"),
    keyFile: join(folder, "key.pem"),
    clientCaFile: join(folder, "ca.pem"),
  };
  function write(signedBy: TestAuthority, trusted = [signedBy]): string {
    const { cert, key } = createTestCertificate({ issuer: signedBy });
    writeFileSync(files.clientCaFile, trusted.map((ca) => ca.cert).join(""));
    writeFileSync(files.keyFile, key);
    writeFileSync(files.certFile, cert);
    return new X509Certificate(cert).fingerprint256;
  }
  write(issuer);
  return { files, write };
}

async function startEchoMesh(tls: MeshConfig["tls"], port = 0) {
  const local = createLocalRpc({ logger, graceMs: 50 });
  local.serve(EchoService, echo as never);
  const listen = { host: "127.0.0.1", port };
  const config = { listen, services: [EchoService], tls, secret: undefined, peers: [] };
  const server = await startMeshServer(config, listen, { local, logger });
  onTestFinished(() => server.close());
  return server;
}

/** Of the certificate that who connects now gets to see. */
async function fingerprintAt(port: number, { certFile, keyFile }: { certFile: string; keyFile: string }) {
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
  const socket = connect({ host: "127.0.0.1", port, cert, key, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

function connectEcho(port: number, config: Partial<MeshConfig>, before: GrpcUrl["hosts"] = []): EchoClient {
  const hosts = [...before, { host: "localhost", port }];
  const url = { tls: config.tls !== undefined, hosts };
  const mesh = {
    listen: undefined,
    services: [],
    tls: undefined,
    secret: undefined,
    peers: [{ name: "echo", url, services: [EchoService] }],
    ...config,
  };
  const connections = connectMesh(mesh, { local: createLocalRpc({ logger }), logger });
  onTestFinished(() => connections.close());
  return connections.rpc.client(EchoService) as unknown as EchoClient;
}

test("each process is known by the host that the URL has for it", async () => {
  const { files } = certificateFiles(authority());
  const server = await startEchoMesh(files);
  // Nobody is there; and no certificate here is for it.
  const client = connectEcho(server.port, { tls: files }, [{ host: "127.0.0.2", port: server.port }]);
  expect((await client.unary({ value: "a" })).value).toBe("a");
});

test("a certificate of the mesh is identity enough", async () => {
  const issuer = authority();
  const { port } = await startEchoMesh(certificateFiles(issuer).files);
  const client = connectEcho(port, { tls: certificateFiles(issuer).files });
  expect((await client.unary({ value: "a" })).value).toBe("a");
  expect(await collect(client.chat(values("a", "b")))).toEqual(["A", "B"]);
});

test("nobody else is let in", async () => {
  const { port } = await startEchoMesh(certificateFiles(authority()).files);
  const stranger = connectEcho(port, { tls: certificateFiles(authority()).files });
  const inTheClear = connectEcho(port, { secret: "a secret, where certificates are asked for" });
  for (const client of [stranger, inTheClear])
    expect(reasonOf(await failureOf(client.unary({ value: "a" })))).toBe("UNAVAILABLE");
});

test("renewed files are taken up by both sides, without a failed call", async () => {
  const [former, next] = [authority("former mesh"), authority("next mesh")];
  const [server, caller] = [certificateFiles(former), certificateFiles(former)];
  const running = await startEchoMesh(server.files);
  const { port } = running;
  const client = connectEcho(port, { tls: caller.files });
  await client.unary({ value: "a" });
  let renewing = true;
  const load = (async () => {
    while (renewing) await client.unary({ value: "a" });
  })();

  // While authorities change, everybody trusts both.
  const fingerprint = server.write(next, [former, next]);
  caller.write(next, [former, next]);
  await expect
    .poll(() => fingerprintAt(port, caller.files), { timeout: 15_000, interval: 100 })
    .toBe(fingerprint);
  expect((await client.unary({ value: "b" })).value).toBe("b");
  renewing = false;
  await load;

  // A server that knows the next authority alone is one that the former certificate is no good for.
  await running.close();
  server.write(next);
  await startEchoMesh(server.files, port);
  await expect
    .poll(() => client.unary({ value: "c" }).then(({ value }) => value, reasonOf), { timeout: 15_000 })
    .toBe("c");
}, 40_000);
