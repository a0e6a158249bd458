import { type GatewayConfig, readGatewayConfig } from "../../gateway/config.ts";
import { type AuthConfig, readAuthConfig } from "../auth/config.ts";
import { type Environment, type EnvReader, readEnvironment } from "../common/config.ts";
import { readDatabaseUrl } from "../common/database/database-config.ts";
import { type EventsConfig, readEventsConfig } from "../common/events/kafka-config.ts";
import { type LogLevel, logLevels } from "../common/logger.ts";
import type { OperatorConfig } from "../common/operator-port.ts";
import type { MeshConfig } from "../common/rpc/mesh.ts";
import type { TracingConfig } from "../common/tracing/open-telemetry.ts";
import { type DeliveryConfig, readDeliveryConfig } from "../delivery/config.ts";
import { type MessageConfig, readMessageConfig } from "../message/config.ts";
import { type RoomConfig, readRoomConfig } from "../room/config.ts";
import { readMeshConfig } from "./mesh-config.ts";
import { type Part, parts } from "./parts.ts";

/** All that can be told to a process. Of the parts, those that it hosts. */
export interface ParleyConfig {
  readonly hosted: ReadonlySet<Part>;
  readonly logLevel: LogLevel;
  /** Undefined where no part keeps any data. */
  readonly databaseUrl: string | undefined;
  /** Where events go; nowhere else where no part has any. */
  readonly events: EventsConfig;
  /** How it reaches the processes that host the other parts; undefined if there are none. */
  readonly mesh: MeshConfig | undefined;
  /** Where metrics and health are shown, if a port was named. */
  readonly operator: OperatorConfig | undefined;
  /** Where traces are sent, if anywhere. */
  readonly traces: TracingConfig | undefined;
  readonly issuer: string;
  readonly auth: AuthConfig | undefined;
  readonly room: RoomConfig | undefined;
  readonly message: MessageConfig | undefined;
  readonly delivery: DeliveryConfig | undefined;
  readonly gateway: GatewayConfig | undefined;
}

const everything: ReadonlySet<Part> = new Set(parts);

/** Of a process that hosts these parts. Throws a ConfigError that lists everything wrong. */
export function readParleyConfig(env: Environment, hosted = everything): ParleyConfig {
  const reader = readEnvironment(env);
  const config = readParts(reader, hosted);
  const mesh = readMeshConfig(reader, hosted);
  checkTogether(reader, config, mesh);
  reader.finish();
  return Object.freeze({ ...config, mesh });
}

/** What a command needs that works on the data of all parts, wherever these run. */
export interface DataConfig {
  readonly databaseUrl: string;
  readonly events: EventsConfig;
}

/** The commands take part in no mesh: what concerns it is for its processes to judge. */
export function readDataConfig(env: Environment): DataConfig {
  const reader = readEnvironment(env);
  const { databaseUrl, events } = readParts(reader, everything);
  reader.forOthers((others) => readMeshConfig(others, new Set(["gateway"])));
  reader.finish();
  return { databaseUrl: databaseUrl!, events };
}

const keepData: readonly Part[] = ["auth", "room", "message"];
const haveEvents: readonly Part[] = ["room", "message", "delivery"];

function readParts(reader: EnvReader, hosted: ReadonlySet<Part>): Omit<ParleyConfig, "mesh"> {
  function forAny<T>(concerned: readonly Part[], read: (reader: EnvReader) => T): T | undefined {
    return concerned.some((part) => hosted.has(part)) ? read(reader) : reader.forOthers(read);
  }
  return {
    hosted,
    logLevel: reader.oneOf("PARLEY_LOG_LEVEL", logLevels, { default: "info" }),
    databaseUrl: forAny(keepData, readDatabaseUrl),
    events: forAny(haveEvents, readEventsConfig) ?? { kind: "embedded" },
    operator: readOperatorConfig(reader),
    traces: readTracesConfig(reader),
    issuer: reader.string("PARLEY_ISSUER", { default: "parley" }),
    auth: forAny(["auth"], readAuthConfig),
    room: forAny(["room"], readRoomConfig),
    message: forAny(["message"], readMessageConfig),
    delivery: forAny(["delivery"], readDeliveryConfig),
    gateway: forAny(["gateway"], readGatewayConfig),
  };
}

/** What parts in different processes share can't be made or kept by one of them. */
function checkTogether(
  reader: EnvReader,
  { hosted, events, auth, gateway }: Omit<ParleyConfig, "mesh">,
  mesh: MeshConfig | undefined,
): void {
  if (hosted.size === parts.length) return;
  if (events.kind === "embedded" && hosted.has("message") !== hosted.has("delivery")) {
    reader.problem(
      "PARLEY_EVENTS_URL is embedded: such an event log reaches nobody in another process, so message and delivery " +
        "have to run in one; use Kafka to part them (kafka://host:9092)",
    );
  }
  if (auth !== undefined && auth.keyEncryptionSecret === undefined) {
    reader.problem(
      "PARLEY_KEY_ENCRYPTION_SECRET is missing: every process that hosts auth needs the same one, in it or in the " +
        "file that PARLEY_KEY_ENCRYPTION_SECRET_FILE names (openssl rand -base64 32 makes some)",
    );
  }
  const taken = gateway && [gateway.port, gateway.grpcPort];
  if (mesh?.listen !== undefined && mesh.listen.port !== 0 && taken?.includes(mesh.listen.port))
    reader.problem(`PARLEY_MESH_PORT is ${mesh.listen.port}, as is a public port: each needs its own`);
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
