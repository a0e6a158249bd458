import { isIP } from "node:net";
import { connect, createSecureContext, type SecureContext } from "node:tls";
import type { ISocketFactory } from "kafkajs";
import type { Logger } from "pino";
import { loadAuthorities, loadTls } from "../tls.ts";

/** Files in PEM; what is absent is the system's or none. */
export interface KafkaTls {
  /** Who signs the brokers' certificates. */
  readonly caFile: string | undefined;
  /** What Parley shows to brokers that ask. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** What connections are made with, and the files' content that it is of. */
interface Loaded {
  readonly content: string;
  readonly context: SecureContext;
}

/** As KafkaJS has it. */
const keepAliveDelayMs = 60_000;

/** Throws an error that says what is wrong with the files. */
export function loadKafkaTls({ caFile, certFile, keyFile }: KafkaTls): Loaded {
  const ca = caFile === undefined ? undefined : loadAuthorities(caFile);
  const own = certFile === undefined || keyFile === undefined ? undefined : loadTls({ certFile, keyFile });
  const [cert, key] = [own?.cert, own?.key];
  return { content: [ca, cert, key].join(), context: createSecureContext({ ca, cert, key }) };
}

/**
 * Connections by what the files hold when each is made: a renewed certificate is in use from the next connection on, and
 * those that there are stay. Between a new certificate and its key nothing fits together; what can't be used is logged,
 * with the former one in use.
 */
export function createTlsSockets(files: KafkaTls, logger: Logger): ISocketFactory {
  let loaded = loadKafkaTls(files);

  function renew(): void {
    try {
      const next = loadKafkaTls(files);
      if (next.content === loaded.content) return;
      loaded = next;
      logger.info("a new certificate is in use for Kafka");
    } catch (err) {
      logger.warn({ err }, "the new certificate for Kafka can't be used, the former one stays");
    }
  }

  return ({ host, port, onConnect }) => {
    renew();
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port, ...name, secureContext: loaded.context }, onConnect);
    return socket.setKeepAlive(true, keepAliveDelayMs);
  };
}
