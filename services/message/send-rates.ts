import type { Metrics } from "../common/metrics.ts";
import { countRefusals, createRateLimiter, type Rate } from "../common/rate-limit.ts";

/**
 * How often people send, and how much is sent in a room. Both are asked before anything else is done.
 *
 * A room's rate is its members': what strangers send must not keep members from sending. Who is a member is only known
 * when a send is done, so a room's bucket is asked for those whose last send there was taken, and those who send for the
 * first time are counted afterwards.
 */
export interface SendRates {
  /** 0 if the send is admitted, else how many ms to wait. */
  admit(userId: string, roomId: string): number;
  /** What became of a send that was admitted. */
  settled(userId: string, roomId: string, isMember: boolean): void;
}

const maxKnown = 50_000;

export function createSendRates(
  rates: { perUser: Rate | undefined; perRoom: Rate | undefined },
  metrics?: Metrics,
): SendRates {
  const perUser = createRateLimiter(rates.perUser);
  const perRoom = createRateLimiter(rates.perRoom);
  countRefusals(metrics, { sends_per_user: perUser, sends_per_room: perRoom });
  const known = new Set<string>();
  if (rates.perRoom === undefined) {
    return { admit: (userId) => perUser.take(userId), settled: () => undefined };
  }
  return {
    admit(userId, roomId) {
      const roomWait = known.has(userId + roomId) ? perRoom.take(roomId) : 0;
      return roomWait > 0 ? roomWait : perUser.take(userId);
    },
    settled(userId, roomId, isMember) {
      const key = userId + roomId;
      if (!isMember) known.delete(key);
      else if (!known.has(key)) {
        if (known.size >= maxKnown) known.clear();
        known.add(key);
        perRoom.take(roomId);
      }
    },
  };
}
