import type { IncomingMessage } from "node:http";
import { PayloadTooLargeError } from "../../services/common/errors.ts";

/** 128 KiB, api.md's bound of a message. */
export const maxMessage = 128 * 1024;
/** What stands before an enveloped message: flags and length. */
export const envelopePrefix = 5;

/** The whole body. Throws PayloadTooLargeError as soon as it is larger than it may be, without reading the rest. */
export async function readBody(request: IncomingMessage, max: number): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > max) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > max) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function tooLarge(): PayloadTooLargeError {
  return new PayloadTooLargeError("the message is larger than 128 KiB");
}
