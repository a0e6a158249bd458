import type { BlockList } from "node:net";
import type { EnvReader, Rate } from "../services/common/config.ts";
import { readTlsFiles, type TlsFiles } from "../services/common/tls.ts";
import type { AdmissionConfig } from "./admission.ts";
import { readAllowedOrigins } from "./allowed-origins.ts";
import { readTrustedProxies } from "./trusted-proxies.ts";

/** What the gateway can be told. */
export interface GatewayConfig {
  readonly host: string;
  readonly port: number;
  /** Without it, the port speaks in the clear. */
  readonly tls: TlsFiles | undefined;
  /** Whose word on the client counts. */
  readonly trustedProxies: BlockList;
  readonly grpcPort: number;
  /** Origins besides the server's own from which browsers may connect. */
  readonly allowedOrigins: readonly string[];
  readonly requestsPerUser: Rate | undefined;
  readonly requestsPerAddress: Rate | undefined;
  readonly requestsPerServerKey: Rate | undefined;
  readonly connectionsPerAddress: Rate | undefined;
  /** Connections that may be open at once. */
  readonly openPerAddress: number | undefined;
  readonly open: number | undefined;
  /** Whether `/` is the page to chat in. */
  readonly page: boolean;
  readonly admission: AdmissionConfig;
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  /** How long the head of a request may take to come, and all of it. */
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** How long a call may take before it is given up. */
  readonly requestTimeoutMs: number;
}

export function readGatewayConfig(reader: EnvReader): GatewayConfig {
  const config: GatewayConfig = Object.freeze({
    host: reader.string("PARLEY_HOST", { default: "127.0.0.1" }),
    port: reader.port("PARLEY_HTTP_PORT", { default: 8080 }),
    grpcPort: reader.port("PARLEY_GRPC_PORT", { default: 8081 }),
    tls: readTlsFiles(reader),
    trustedProxies: readTrustedProxies(reader),
    allowedOrigins: readAllowedOrigins(reader),
    requestsPerUser: reader.rate("PARLEY_LIMIT_REQUESTS_PER_USER", { default: "50/s" }),
    requestsPerAddress: reader.rate("PARLEY_LIMIT_REQUESTS_PER_ADDRESS", { default: "200/s" }),
    requestsPerServerKey: reader.rate("PARLEY_LIMIT_REQUESTS_PER_SERVER_KEY", { default: "500/s" }),
    connectionsPerAddress: reader.rate("PARLEY_LIMIT_CONNECTIONS_PER_ADDRESS", { default: "20/s" }),
    openPerAddress: reader.bound("PARLEY_LIMIT_OPEN_CONNECTIONS_PER_ADDRESS", { default: 1000 }),
    open: reader.bound("PARLEY_LIMIT_OPEN_CONNECTIONS", { default: 20_000 }),
    page: reader.boolean("PARLEY_PAGE", { default: true }),
    admission: Object.freeze({
      targetMs: reader.duration("PARLEY_OVERLOAD_TARGET", { default: "250ms", min: "20ms", max: "10s" }),
      maxInFlight: reader.integer("PARLEY_MAX_WRITES_IN_FLIGHT", { default: 10_000, min: 1, max: 100_000 }),
    }),
    heartbeatMs: reader.duration("PARLEY_HEARTBEAT_INTERVAL", { default: "30s" }),
    helloTimeoutMs: 10_000,
    headTimeoutMs: reader.duration("PARLEY_REQUEST_HEAD_TIMEOUT", { default: "10s", min: "1s" }),
    bodyTimeoutMs: reader.duration("PARLEY_REQUEST_TIMEOUT", { default: "30s", min: "1s" }),
    requestTimeoutMs: 15_000,
  });
  if (config.port !== 0 && config.port === config.grpcPort)
    reader.problem(`PARLEY_HTTP_PORT and PARLEY_GRPC_PORT are both ${config.port}: each needs its own`);
  return config;
}
