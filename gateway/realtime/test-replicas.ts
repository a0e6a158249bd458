import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Replica, Replicas } from "../../services/common/rpc/rpc.ts";
import { createRendezvous } from "./rendezvous.ts";

/** For tests: replicas of a service that come and go as the test says. */
export interface TestReplicas<S extends DescService> extends Replicas<S> {
  /** The same objects stay for ids that stay. */
  set(...ids: string[]): void;
}

export function createTestReplicas<S extends DescService>(
  clientOf: (id: string) => Client<S>,
): TestReplicas<S> {
  let known: readonly Replica<S>[] = [];
  const listeners = new Set<() => void>();
  return {
    list: () => known,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(...ids) {
      known = ids.map((id) => known.find((replica) => replica.id === id) ?? { id, client: clientOf(id) });
      for (const listener of listeners) listener();
    },
  };
}

/** A room that goes to `id` among `among`, and to `second` once that is gone. */
export function roomOf(id: string, among: string[], second?: string): string {
  const choose = createRendezvous(among.map((each) => [each, each] as const));
  const rest = among.filter((each) => each !== id);
  const chooseNext = createRendezvous(rest.map((each) => [each, each] as const));
  for (let i = 0; ; i++) {
    const room = `room ${i}`;
    if (choose(room) === id && (second === undefined || chooseNext(room) === second)) return room;
  }
}
