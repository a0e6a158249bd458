import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { roomOf } from "../api.ts";
import type { Method } from "../clients/client.ts";
import type { Scenario } from "./scene.ts";

export const realtimeScenarios: ReadonlyMap<Method, Scenario> = new Map<Method, Scenario>([
  [
    RealtimeService.method.subscribe,
    async ({ person, ok, bad }) => {
      const ada = await person("listens");
      const roomId = await roomOf(ada);
      await ok("from the head: the first frame", ada);
      await ok("from cursors: the first frame", ada, {
        rooms: [{ roomId, afterSeq: "0" }],
        feedAfterSeq: "0",
      });
      const wrong = { rooms: Array(5001).fill({}), feedAfterSeq: "-1", epoch: "x".repeat(65) };
      await bad("every field", ada, wrong, ["rooms", "feed_after_seq", "epoch"]);
    },
  ],
]);
