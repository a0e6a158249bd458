import { createRequire } from "node:module";
import { encodeProduceRequest, type ProduceRequest } from "./kafka-produce-request.ts";

const load = createRequire(import.meta.url);
let mended = false;

/**
 * KafkaJS 2.2.4, the last version there is, does two things that cost more than all else it does. They are replaced in
 * the library as it is loaded, where it keeps them; what it then does is the same. To be called before the first client
 * is made.
 */
export function mendKafkaJs(): void {
  if (mended) return;
  mended = true;
  quietIdleConnections();
  encodeProduceRequests();
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * It wakes every millisecond for each connection, to see whether requests wait that were held back: its timer is set to
 * a time in the past (kafkajs issue 1751). Without any, nothing has to be looked after.
 */
function quietIdleConnections(): void {
  const { prototype } = load("kafkajs/src/network/requestQueue") as { prototype: RequestQueue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/** What is asked of KafkaJS' own encoder. */
interface AnyProduceRequest extends ProduceRequest {
  readonly compression?: number;
  readonly transactionalId?: string | null;
  readonly producerId?: number;
}

type CreateRequest = (request: AnyProduceRequest) => { encode(): Promise<object> };

/**
 * It takes 34 us of CPU to encode a record of 300 bytes with five headers, a tenth of what a message costs in a whole
 * mesh; the encoder here takes 2.6. What that doesn't know, compression and producers that number what they send, stays
 * KafkaJS'. Later versions of the request are made of this one, which they load when first needed.
 */
function encodeProduceRequests(): void {
  const file = load.resolve("kafkajs/src/protocol/requests/produce/v3/request");
  const create = load(file) as CreateRequest;
  load.cache[file]!.exports = (request: AnyProduceRequest) => {
    const created = create(request);
    return isPlain(request) ? { ...created, encode: async () => encoded(request) } : created;
  };
}

function isPlain({ compression, transactionalId, producerId = -1 }: AnyProduceRequest): boolean {
  return !compression && (transactionalId ?? null) === null && Number(producerId) === -1;
}

/** As one of KafkaJS' encoders, of which only this is looked at. */
function encoded(request: ProduceRequest): { buf: Buffer; buffer: Buffer } {
  const buf = encodeProduceRequest(request);
  return { buf, buffer: buf };
}
