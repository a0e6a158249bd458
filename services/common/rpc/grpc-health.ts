import { HealthImplementation } from "grpc-health-check";
import type { GrpcAddition } from "./grpc-server.ts";

/** The standard health service, `grpc.health.v1.Health`. */
export interface GrpcHealth extends GrpcAddition {
  /** Says how a service is from now on, "" being the whole server; those who watch are told of a change. */
  set(service: string, serving: boolean): void;
}

/** Nothing serves until it is said to. */
export function createGrpcHealth(services: readonly string[]): GrpcHealth {
  const statuses = new Map<string, boolean>(services.map((name) => [name, false]));
  const health = new HealthImplementation(
    Object.fromEntries(services.map((name) => [name, "NOT_SERVING" as const])),
  );
  return {
    set(service, serving) {
      if (statuses.get(service) === serving) return;
      statuses.set(service, serving);
      health.setStatus(service, serving ? "SERVING" : "NOT_SERVING");
    },
    addToServer: (server) => health.addToServer(server),
  };
}
