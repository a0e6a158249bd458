import type { ServiceImpl } from "@connectrpc/connect";
import type { DeliveryService } from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { Watchers } from "./watchers.ts";

export function createRoutes(deps: { watchers: Watchers }): ServiceImpl<typeof DeliveryService> {
  return {
    watch: (requests) => deps.watchers.watch(requests),
    signal(request) {
      deps.watchers.signals(request.signals);
      return {};
    },
  };
}
