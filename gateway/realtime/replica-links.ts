import type { DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { runForever } from "../../services/common/lifecycle.ts";
import type { Replica, Replicas } from "../../services/common/rpc/rpc.ts";

/** What is kept up to one replica for as long as it is known. */
export interface ReplicaLink {
  run(signal: AbortSignal): Promise<void>;
}

/** A link to each replica of a service. */
export interface ReplicaLinks<Link extends ReplicaLink> {
  /** To the replicas that are known now, by their ids. */
  all(): Iterable<readonly [id: string, link: Link]>;
  readonly size: number;
  /** Keeps a link to each replica, as they come and go, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ReplicaLinksDeps<S extends DescService, Link> {
  /** What the links are, for the log. */
  name: string;
  logger: Logger;
  create(replica: Replica<S>): Link;
  /** Links came, or are no longer among `all` though they may take a while to end. */
  changed(): void;
}

interface Kept<Link> {
  readonly link: Link;
  readonly stop: AbortController;
}

export function followReplicas<S extends DescService, Link extends ReplicaLink>(
  replicas: Replicas<S>,
  deps: ReplicaLinksDeps<S, Link>,
): ReplicaLinks<Link> {
  const kept = new Map<Replica<S>, Kept<Link>>();
  const running = new Set<Promise<void>>();

  function keep(replica: Replica<S>): void {
    const link = deps.create(replica);
    const stop = new AbortController();
    kept.set(replica, { link, stop });
    const run = (signal: AbortSignal) => link.run(signal);
    const ended = runForever(deps.name, run, stop.signal, deps.logger);
    running.add(ended);
    void ended.then(() => running.delete(ended));
  }

  function update(): void {
    const known = new Set(replicas.list());
    const gone = [...kept].filter(([replica]) => !known.has(replica));
    for (const [replica] of gone) kept.delete(replica);
    for (const replica of known) if (!kept.has(replica)) keep(replica);
    deps.changed();
    for (const [, { stop }] of gone) stop.abort();
  }

  return {
    *all() {
      for (const [{ id }, { link }] of kept) yield [id, link] as const;
    },
    get size() {
      return kept.size;
    },
    async run(signal) {
      const unlisten = replicas.onChange(update);
      update();
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      unlisten();
      for (const { stop } of kept.values()) stop.abort();
      await Promise.all(running);
    },
  };
}
