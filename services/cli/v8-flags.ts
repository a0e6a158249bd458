import { setFlagsFromString } from "node:v8";

/** Known to this Node.js, or it would say so on its standard error. */
export const v8Flags = ["--no-allocation-site-pretenuring"] as const;

/**
 * To be called when everything is loaded, and before much is done: with other flags than it was built with, Node.js compiles
 * what it still loads of itself, in place of taking it from its cache.
 *
 * V8 places what code allocates among the old objects from the start, for good, once it has seen most of what comes of
 * that code survive. What a server holds until a write is durable does survive while a process is young and its space for
 * young objects is 1 MB; later, at 16 MB, next to nothing does. But by then messages and frames are old when they are
 * made, only a full collection removes them, and whatever they refer to is copied as if it were in use: at 5,000 messages
 * a second that stopped a gateway for 30 to 60 ms each second, and Message for 20 to 35. Without it, 3 to 10.
 */
export function setV8Flags(): void {
  for (const flag of v8Flags) setFlagsFromString(flag);
}
