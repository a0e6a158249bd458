import type { FastifyInstance } from "fastify";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import type { RpcClients } from "../services/common/rpc/rpc.ts";

const timeoutMs = 2000;
/** No room's id. */
const nobody = "00000000-0000-0000-0000-000000000000";

/**
 * `/healthz`: the process lives. `/readyz`: it can serve, which means that every service answers from its database and
 * that it is not about to stop.
 */
export function mountHealth(app: FastifyInstance, deps: { rpc: RpcClients; stopping(): boolean }): void {
  const auth = deps.rpc.client(AuthInternalService);
  const rooms = deps.rpc.client(RoomInternalService);
  const messages = deps.rpc.client(MessageInternalService);

  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_, reply) => {
    if (deps.stopping()) return reply.code(503).send({ status: "stopping" });
    await Promise.all([
      auth.findUsers({ userIds: [nobody] }, { timeoutMs }),
      rooms.listRoomChanges({ roomId: nobody }, { timeoutMs }),
      messages.getHeads({ rooms: [{ roomId: nobody }] }, { timeoutMs }),
    ]);
    return { status: "ready" };
  });
}
