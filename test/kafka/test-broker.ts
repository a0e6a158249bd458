import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Broker, startBroker } from "../../deploy/kafka/broker.ts";
import { createTestCertificate } from "../../services/common/test-certificates.ts";

/** How to come to a broker. */
export interface BrokerAccess {
  /** kafka://host:port, where nobody is asked who they are. */
  readonly url: string;
  /** kafkas://host:port, where everybody is; absent on brokers that the tests did not start. */
  readonly secure?: SecureAccess;
}

export interface SecureAccess {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM. */
  readonly authority: string;
}

export interface TestBroker {
  readonly access: BrokerAccess;
  stop(): Promise<void>;
}

/** The one named by PARLEY_TEST_KAFKA_URL, or one of its own. */
export async function startTestBroker(): Promise<TestBroker> {
  const given = process.env.PARLEY_TEST_KAFKA_URL;
  if (given) return { access: { url: given }, stop: async () => {} };
  const authority = createTestCertificate({ name: "Test authority", isAuthority: true });
  const certificate = createTestCertificate({ issuer: authority });
  const [username, password] = ["parley", "a secret for tests"];
  const { broker, stop } = await startOwnBroker({
    certificate: certificate.cert,
    key: certificate.key,
    authority: authority.cert,
    users: { [username]: password },
  });
  const secure = {
    url: `kafkas://${broker.secureAddress}`,
    username,
    password,
    authority: authority.cert,
  };
  return { access: { url: `kafka://${broker.address}`, secure }, stop };
}

/** One that a test may stop and start as it likes. */
export async function startOwnBroker(
  secure?: Parameters<typeof startBroker>[0]["secure"],
): Promise<{ broker: Broker; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "parley-kafka-"));
  const broker = await startBroker({ folder, secure });
  return {
    broker,
    async stop() {
      broker.signal("SIGCONT");
      await broker.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
