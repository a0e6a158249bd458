import type { Metrics } from "../metrics.ts";

/** How an outbox stands. */
export interface OutboxNumbers {
  /** Records that are being published. */
  readonly underWay: () => number;
  /** Rows that are being published, or are published and not deleted yet. */
  readonly held: () => number;
  /** 1 while rows are left to the sweeper. */
  readonly left: () => number;
  /** Rows that the sweeper has published. */
  readonly swept: () => number;
}

export function showOutbox(
  metrics: Metrics | undefined,
  service: string,
  { underWay, held, left, swept }: OutboxNumbers,
): void {
  const labels = { service };
  metrics?.gauge({
    name: "parley_outbox_records_under_way",
    help: "Records of committed events that are being published.",
    labels,
    read: underWay,
  });
  metrics?.gauge({
    name: "parley_outbox_rows_held",
    help: "Outbox rows that are being published, or are published and not deleted yet.",
    labels,
    read: held,
  });
  metrics?.gauge({
    name: "parley_outbox_left_to_sweeper",
    help: "1 while committed events can't be published at once and are left to the sweeper.",
    labels,
    read: left,
  });
  metrics?.counter({
    name: "parley_outbox_rows_swept_total",
    help: "Outbox rows that the sweeper published: left by a crash, a failure, or too much at once.",
    labels,
    read: swept,
  });
}
