import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import {
  type DeliveryService,
  type RoomSignal,
  RoomSignalSchema,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { Connection } from "./connection.ts";
import type { RoomChannel } from "./room-channel.ts";
import { createFrame } from "./server-frame.ts";

/** Sends signals to Delivery, those of one turn together. Best effort: what can't be sent is forgotten. */
export interface SignalSender {
  typing(connection: Connection, roomId: string, userId: string): void;
  /** How many could not be sent. */
  readonly dropped: number;
}

/** A person's typing in a room is passed on at most this often; clients show it for longer. */
const repeatMs = 1000;
const maxGathered = 1000;

export function createSignalSender(deps: {
  /** Any replica: each passes signals on to every gateway. Undefined while there is none. */
  delivery(): Client<typeof DeliveryService> | undefined;
  logger: Logger;
  now?: () => number;
}): SignalSender {
  const now = deps.now ?? Date.now;
  let gathered: RoomSignal[] = [];
  let dropped = 0;
  /** When each connection last said so, and where; a connection that types in two rooms at once is none of a person's. */
  const last = new WeakMap<Connection, { roomId: string; at: number }>();

  async function flush(): Promise<void> {
    const signals = gathered;
    gathered = [];
    const delivery = deps.delivery();
    try {
      if (delivery) await delivery.signal({ signals }, { timeoutMs: 1000 });
      else dropped += signals.length;
    } catch (err) {
      dropped += signals.length;
      deps.logger.debug({ err }, "signals were dropped");
    }
  }

  return {
    typing(connection, roomId, userId) {
      const before = last.get(connection);
      const at = now();
      if (before && before.roomId === roomId && at - before.at < repeatMs) return;
      last.set(connection, { roomId, at });
      if (gathered.length >= maxGathered) {
        dropped += 1;
        return;
      }
      const signal = create(RoomSignalSchema, { roomId, userId, kind: { case: "typing", value: {} } });
      if (gathered.push(signal) === 1) setImmediate(() => void flush());
    },
    get dropped() {
      return dropped;
    },
  };
}

/** Shows signals to those who are in the rooms; the first thing that a slow connection goes without. */
export function showSignals(
  signals: readonly RoomSignal[],
  channelOf: (roomId: string) => RoomChannel | undefined,
): void {
  for (const { roomId, userId, kind } of signals) {
    const channel = channelOf(roomId);
    if (!channel || channel.live.size === 0 || kind.case !== "typing") continue;
    const frame = createFrame({
      kind: { case: "signal", value: { roomId, userId, kind: { case: "typing", value: {} } } },
    });
    for (const connection of channel.live) {
      if (connection.user?.userId === userId) continue;
      if (connection.slow) connection.traffic.signalsWithheld += 1;
      else connection.push(frame);
    }
  }
}
