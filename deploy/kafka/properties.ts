/** A listener on which clients have to prove who they are, over TLS. */
export interface SecureListener {
  readonly port: number;
  /** PEM, with its key in PKCS #8. */
  readonly certificate: string;
  readonly key: string;
  /** PEM: who signs the certificates of clients, and of the broker. */
  readonly authority: string;
  /** Passwords by user name, for SCRAM and for PLAIN. */
  readonly users: Readonly<Record<string, string>>;
}

export interface BrokerSettings {
  readonly port: number;
  /** Only the broker itself comes here. */
  readonly controllerPort: number;
  readonly dataFolder: string;
  readonly secure?: SecureListener | undefined;
}

const scram = "org.apache.kafka.common.security.scram.ScramLoginModule";
const plain = "org.apache.kafka.common.security.plain.PlainLoginModule";

/** One node that is broker and controller, for one machine: what it does not have is a second copy of anything. */
export function brokerProperties({ port, controllerPort, dataFolder, secure }: BrokerSettings): string {
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`];
  if (secure) listeners.push(`SECURE://127.0.0.1:${secure.port}`);
  return text({
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${controllerPort}`].join(","),
    "advertised.listeners": listeners.join(","),
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT",
    "log.dirs": dataFolder,
    // There is no other copy. And what the system writes of its own, it writes every half a minute, all at once: who
    // commits to the same disk then waited for up to 0.2 s.
    "log.flush.interval.ms": "1000",
    "log.flush.scheduler.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // One machine's worth; the defaults are for a server of its own.
    "num.network.threads": "2",
    "num.io.threads": "2",
    ...(secure ? secureProperties(secure) : {}),
  });
}

function secureProperties({ certificate, key, authority, users }: SecureListener): Record<string, string> {
  const passwords = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const listener = "listener.name.secure";
  return {
    [`${listener}.sasl.enabled.mechanisms`]: "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${scram} required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${scram} required;`,
    [`${listener}.plain.sasl.jaas.config`]: `${plain} required ${passwords.join(" ")};`,
    [`${listener}.ssl.keystore.type`]: "PEM",
    [`${listener}.ssl.keystore.certificate.chain`]: certificate,
    [`${listener}.ssl.keystore.key`]: key,
    [`${listener}.ssl.truststore.type`]: "PEM",
    [`${listener}.ssl.truststore.certificates`]: authority,
    [`${listener}.ssl.client.auth`]: "requested",
  };
}

/** What the storage is formatted with so that the users exist from the start. */
export function scramArguments(secure: SecureListener | undefined): string[] {
  return Object.entries(secure?.users ?? {}).flatMap(([name, password]) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
}

function text(properties: Readonly<Record<string, string>>): string {
  const lines = Object.entries(properties).map(
    ([name, value]) => `${name}=${value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
  );
  return `${lines.join("\n")}\n`;
}
