import type { EnvReader, Rate } from "../services/common/config.ts";

/** What the gateway can be told. */
export interface GatewayConfig {
  readonly host: string;
  readonly port: number;
  /** Origins besides the server's own from which browsers may connect. */
  readonly allowedOrigins: readonly string[];
  readonly requestsPerUser: Rate | undefined;
  readonly requestsPerAddress: Rate | undefined;
  readonly connectionsPerAddress: Rate | undefined;
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  /** How long a call may take before it is given up. */
  readonly requestTimeoutMs: number;
}

export function readGatewayConfig(reader: EnvReader): GatewayConfig {
  return Object.freeze({
    host: reader.string("PARLEY_HOST", { default: "127.0.0.1" }),
    port: reader.port("PARLEY_HTTP_PORT", { default: 8080 }),
    allowedOrigins: reader.list("PARLEY_ALLOWED_ORIGINS", { default: [] }),
    requestsPerUser: reader.rate("PARLEY_LIMIT_REQUESTS_PER_USER", { default: "50/s" }),
    requestsPerAddress: reader.rate("PARLEY_LIMIT_REQUESTS_PER_ADDRESS", { default: "200/s" }),
    connectionsPerAddress: reader.rate("PARLEY_LIMIT_CONNECTIONS_PER_ADDRESS", { default: "20/s" }),
    heartbeatMs: reader.duration("PARLEY_HEARTBEAT_INTERVAL", { default: "30s" }),
    helloTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
  });
}
