/** What the delivery service can be told. */
export interface DeliveryConfig {
  /** Batches that may wait for one gateway's stream before it is cut. A batch is what came in one hand-over. */
  readonly maxQueuedBatches: number;
}

/** Nothing is configurable yet: the bound is a matter of memory, not of the deployment. */
export function readDeliveryConfig(): DeliveryConfig {
  return Object.freeze({ maxQueuedBatches: 4096 });
}
