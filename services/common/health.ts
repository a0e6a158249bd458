import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { DeliveryService } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import type { RpcClients } from "./rpc/rpc.ts";

/** How a service answered when it was asked. */
export interface PartHealth {
  readonly name: string;
  /** How long the answer took, in ms. */
  readonly latencyMs: number;
  /** What it answered instead of what was asked. */
  readonly error: Error | undefined;
}

export interface HealthCheckDeps {
  rpc: RpcClients;
  /** Which services are asked, by name; all if undefined. */
  parts?: ReadonlySet<string> | undefined;
}

/** Asks services for something small that it has to look up in its database, all at the same time. Never throws. */
export type HealthCheck = () => Promise<PartHealth[]>;

const timeoutMs = 2000;
/** Nobody's id, and no room's. */
const nothing = "00000000-0000-0000-0000-000000000000";

export function createHealthCheck({ rpc, parts }: HealthCheckDeps): HealthCheck {
  const auth = rpc.client(AuthInternalService);
  const room = rpc.client(RoomInternalService);
  const message = rpc.client(MessageInternalService);
  const delivery = rpc.client(DeliveryService);
  const questions: Record<string, () => Promise<unknown>> = {
    auth: () => auth.findUsers({ userIds: [nothing] }, { timeoutMs }),
    room: () => room.listRoomChanges({ roomId: nothing }, { timeoutMs }),
    message: () => message.getHeads({ rooms: [{ roomId: nothing }] }, { timeoutMs }),
    // It has no database: that it answers is all there is.
    delivery: () => delivery.signal({}, { timeoutMs }),
  };
  const asked = Object.entries(questions).filter(([name]) => parts?.has(name) ?? true);
  let asking: Promise<PartHealth[]> | undefined;
  // One question at a time, however many want to know: strangers may ask.
  return () => {
    asking ??= Promise.all(asked.map(([name, ask]) => examine(name, ask))).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

async function examine(name: string, ask: () => Promise<unknown>): Promise<PartHealth> {
  const started = performance.now();
  const error = await ask().then(
    () => undefined,
    (reason: Error) => reason,
  );
  return { name, latencyMs: performance.now() - started, error };
}
