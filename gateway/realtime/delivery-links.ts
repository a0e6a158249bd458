import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import {
  type DeliveryService,
  WatchRequestSchema,
  type WatchResponse,
} from "#gen/parley/internal/v1/delivery_service_pb.js";
import type { Replicas } from "../../services/common/rpc/rpc.ts";
import { createDeliveryLink, type DeliveryLink } from "./delivery-link.ts";
import { followReplicas } from "./replica-links.ts";

/**
 * This gateway's streams to Delivery, one to each replica: they share the event log among them, so that what concerns
 * this gateway comes by any of them, now and then by two.
 *
 * Interest is gathered over one turn of the event loop and stated to all. It is in force when every stream that stands
 * has acknowledged it; a replica to which none stands is not waited for. What that one is handed meanwhile is missed, and
 * found by comparing heads: at once when a stream comes to stand or no longer does, and often while one is missing. One
 * that hangs holds interest up until it has been silent for long enough to be given up. Promises of `add` outlive breaks.
 */
export interface DeliveryLinks {
  /** Resolves when Delivery forwards what concerns these rooms and people; rejects when the links are closed. */
  add(interest: { rooms?: Iterable<string>; users?: Iterable<string> }): Promise<void>;
  remove(interest: { rooms?: Iterable<string>; users?: Iterable<string> }): void;
  /** Whether a stream stands to every replica, and has for a while: what is committed is on its way here. */
  readonly connected: boolean;
  /** Replicas that are known, and those to which a stream stands. */
  readonly replicas: { readonly known: number; readonly standing: number };
  /** Any replica to which a stream stands. */
  any(): Client<typeof DeliveryService> | undefined;
  /** Keeps the streams until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DeliveryLinksDeps {
  replicas: Replicas<typeof DeliveryService>;
  received(response: WatchResponse): void;
  /** Something may have been missed. */
  missed(): void;
  backoff(attempt: number): Promise<void>;
  /** How long Delivery may take to share the event log anew after a replica has gone. */
  settleMs: number;
  logger: Logger;
  now?: () => number;
}

interface Pending {
  ref: bigint;
  resolve(): void;
  reject(error: unknown): void;
}

const noChanges = () => ({
  addRooms: [] as string[],
  removeRooms: [] as string[],
  addUsers: [] as string[],
  removeUsers: [] as string[],
});

export function createDeliveryLinks(deps: DeliveryLinksDeps): DeliveryLinks {
  const now = deps.now ?? Date.now;
  const rooms = new Set<string>();
  const users = new Set<string>();
  const interest = { rooms, users, ref: 1n };
  const links = followReplicas(deps.replicas, {
    name: "delivery link",
    logger: deps.logger,
    create: ({ client }) => createDeliveryLink({ ...deps, delivery: client, interest, changed }),
    changed,
  });
  let changes = noChanges();
  let gathering: PromiseWithResolvers<void> | undefined;
  let waiting: Pending[] = [];
  let standing: readonly DeliveryLink[] = [];
  let settledAt = 0;
  let closed = false;

  function changed(): void {
    const before = standing;
    standing = Array.from(links.all(), ([, link]) => link).filter(({ stands }) => stands);
    const came = standing.some((link) => !before.includes(link));
    const went = before.some((link) => !standing.includes(link));
    if (went) settledAt = now() + deps.settleMs;
    acknowledge();
    if (came || went) deps.missed();
  }

  function acknowledge(): void {
    if (standing.length === 0) return;
    const isInForce = ({ ref }: Pending) => standing.every(({ acknowledged }) => acknowledged >= ref);
    while (waiting[0] && isInForce(waiting[0])) waiting.shift()?.resolve();
  }

  function gather(): Promise<void> {
    if (closed) return Promise.reject(linksClosed());
    if (!gathering) {
      gathering = Promise.withResolvers<void>();
      setImmediate(flush);
    }
    return gathering.promise;
  }

  function flush(): void {
    const batch = gathering;
    const { addRooms, addUsers, removeRooms, removeUsers } = changes;
    gathering = undefined;
    changes = noChanges();
    if (!batch) return;
    if (closed) {
      batch.reject(linksClosed());
      return;
    }
    interest.ref += 1n;
    waiting.push({ ref: interest.ref, resolve: batch.resolve, reject: batch.reject });
    // What was added and removed within the turn ends as the sets have it.
    const request = create(WatchRequestSchema, {
      ref: interest.ref,
      addRooms: addRooms.filter((room) => rooms.has(room)),
      addUsers: addUsers.filter((user) => users.has(user)),
      removeRooms: removeRooms.filter((room) => !rooms.has(room)),
      removeUsers: removeUsers.filter((user) => !users.has(user)),
    });
    for (const [, link] of links.all()) link.change(request);
  }

  return {
    add(added) {
      for (const room of added.rooms ?? []) {
        rooms.add(room);
        changes.addRooms.push(room);
      }
      for (const user of added.users ?? []) {
        users.add(user);
        changes.addUsers.push(user);
      }
      return gather();
    },
    remove(removed) {
      for (const room of removed.rooms ?? []) {
        rooms.delete(room);
        changes.removeRooms.push(room);
      }
      for (const user of removed.users ?? []) {
        users.delete(user);
        changes.removeUsers.push(user);
      }
      gather().catch(() => {});
    },
    get connected() {
      return standing.length > 0 && standing.length === links.size && now() >= settledAt;
    },
    get replicas() {
      return { known: links.size, standing: standing.length };
    },
    any: () => standing[Math.floor(Math.random() * standing.length)]?.delivery,
    async run(signal) {
      try {
        await links.run(signal);
      } finally {
        closed = true;
        for (const pending of waiting) pending.reject(linksClosed());
        waiting = [];
      }
    },
  };
}

function linksClosed(): Error {
  return new Error("the links to delivery are closed");
}
