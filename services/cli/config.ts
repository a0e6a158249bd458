import { type GatewayConfig, readGatewayConfig } from "../../gateway/config.ts";
import { type AuthConfig, readAuthConfig } from "../auth/config.ts";
import { type Environment, type EnvReader, readEnvironment } from "../common/config.ts";
import { readDatabaseUrl } from "../common/database/database-config.ts";
import { type EventsConfig, readEventsConfig } from "../common/events/kafka-config.ts";
import { type LogLevel, logLevels } from "../common/logger.ts";
import type { OperatorConfig } from "../common/operator-port.ts";
import type { TracingConfig } from "../common/tracing/open-telemetry.ts";
import { type DeliveryConfig, readDeliveryConfig } from "../delivery/config.ts";
import { type MessageConfig, readMessageConfig } from "../message/config.ts";
import { type RoomConfig, readRoomConfig } from "../room/config.ts";

/** All that can be told to a process that hosts every service. */
export interface ParleyConfig {
  readonly logLevel: LogLevel;
  readonly databaseUrl: string;
  /** Where events go. */
  readonly events: EventsConfig;
  /** Where metrics and health are shown, if a port was named. */
  readonly operator: OperatorConfig | undefined;
  /** Where traces are sent, if anywhere. */
  readonly traces: TracingConfig | undefined;
  readonly issuer: string;
  readonly auth: AuthConfig;
  readonly room: RoomConfig;
  readonly message: MessageConfig;
  readonly delivery: DeliveryConfig;
  readonly gateway: GatewayConfig;
}

/** Throws a ConfigError that lists everything wrong. */
export function readParleyConfig(env: Environment): ParleyConfig {
  const reader = readEnvironment(env);
  const config = Object.freeze({
    logLevel: reader.oneOf("PARLEY_LOG_LEVEL", logLevels, { default: "info" }),
    databaseUrl: readDatabaseUrl(reader),
    events: readEventsConfig(reader),
    operator: readOperatorConfig(reader),
    traces: readTracesConfig(reader),
    issuer: reader.string("PARLEY_ISSUER", { default: "parley" }),
    auth: readAuthConfig(reader),
    room: readRoomConfig(reader),
    message: readMessageConfig(reader),
    delivery: readDeliveryConfig(),
    gateway: readGatewayConfig(reader),
  });
  refuseMesh(reader);
  reader.finish();
  return config;
}

/** Off unless a port is named; and then for this machine alone, unless an address is. */
function readOperatorConfig(reader: EnvReader): OperatorConfig | undefined {
  const port = reader.port("PARLEY_OPERATOR_PORT", { optional: true });
  const host = reader.string("PARLEY_OPERATOR_HOST", { default: "127.0.0.1" });
  return port === undefined ? undefined : Object.freeze({ host, port });
}

/** An address without a path is a collector's: its traces have a path of their own. */
function readTracesConfig(reader: EnvReader): TracingConfig | undefined {
  const name = "PARLEY_TRACES_URL";
  const given = reader.url(name, ["http", "https"], { optional: true });
  const sample = reader.ratio("PARLEY_TRACES_SAMPLE", { default: 0.1 });
  if (given === undefined) return undefined;
  const url = URL.parse(given);
  if (url === null) {
    reader.problem(`${name} should be an address such as http://localhost:4318`);
    return undefined;
  }
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return Object.freeze({ url: url.href, sample });
}

/** Documented variables that have no effect here: better refused than ignored. */
function refuseMesh(reader: EnvReader): void {
  const why = "this version runs all services in one process, leave it out";
  for (const service of ["AUTH", "ROOM", "MESSAGE", "DELIVERY"]) reader.refuse(`PARLEY_${service}_URL`, why);
  reader.refuse("PARLEY_MESH_PORT", why);
}
