import type { DescService } from "@bufbuild/protobuf";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { pause } from "../../services/common/backoff.ts";
import { createHealthCheck } from "../../services/common/health.ts";
import { createGrpcHealth, type GrpcHealth } from "../../services/common/rpc/grpc-health.ts";
import type { RpcClients } from "../../services/common/rpc/rpc.ts";

/** The health service's statuses, kept up to date. */
export interface HealthWatch {
  readonly health: GrpcHealth;
  /** Asks the services at once and then every few seconds, until the signal aborts: then nothing serves any more. */
  run(signal: AbortSignal): Promise<void>;
}

/** How old what the health service says may be, in ms. */
const intervalMs = 3000;

/** The services behind a public one that it can't do without; where it isn't named, all of them. */
const needs = new Map<string, readonly string[]>([
  [AdminService.typeName, ["auth"]],
  [AuthService.typeName, ["auth"]],
  [UserService.typeName, ["auth"]],
  [RoomService.typeName, ["room", "message"]],
  [MessageService.typeName, ["message"]],
]);

/** Callers are answered from what was found last, so that asking often costs the databases nothing. */
export function createHealthWatch(deps: { services: readonly DescService[]; rpc: RpcClients }): HealthWatch {
  const check = createHealthCheck(deps);
  /** "" is the server as a whole. */
  const names = ["", ...deps.services.map(({ typeName }) => typeName)];
  const health = createGrpcHealth(names);

  async function look(signal: AbortSignal): Promise<void> {
    const parts = await check();
    if (signal.aborted) return;
    const failing = parts.filter(({ error }) => error !== undefined).map(({ name }) => name);
    for (const name of names) {
      const needed = needs.get(name);
      health.set(name, !failing.some((part) => needed?.includes(part) ?? true));
    }
  }

  function sayNothingServes(): void {
    for (const name of names) health.set(name, false);
  }

  return {
    health,
    async run(signal) {
      signal.addEventListener("abort", sayNothingServes, { once: true });
      while (!signal.aborted) {
        await look(signal);
        await pause(intervalMs, signal);
      }
    },
  };
}
