import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  DeadlineExceededError,
  InvalidArgumentError,
  PayloadTooLargeError,
  RateLimitedError,
} from "../services/common/errors.ts";
import type { ClientReader } from "./clients.ts";
import { transportHeaders } from "./security-headers.ts";
import { refuseOnSocket } from "./socket-refusal.ts";

export interface UnparsedDeps {
  clients: ClientReader;
  admitAddress(address: string, authorization?: string): void;
}

/**
 * Answers what Node's parser refuses, or waits for in vain, before there is a request. Such a thing counts against its
 * address like a request, and whoever is over the rate gets no answer; for a proxy's clients nobody knows the address.
 */
export function createUnparsedHandler({ clients, admitAddress }: UnparsedDeps) {
  function mayHaveAnswer(address: string | undefined): boolean {
    if (address === undefined || clients.isProxy(address)) return true;
    try {
      admitAddress(address);
      return true;
    } catch (error) {
      if (error instanceof RateLimitedError) return false;
      throw error;
    }
  }

  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === "ECONNRESET" || socket.destroyed) return;
    if (!socket.writable || isAnswering(socket) || !mayHaveAnswer(socket.remoteAddress)) socket.destroy();
    else {
      const scheme = "encrypted" in socket ? "https" : "http";
      refuseOnSocket(socket, unparsed(error.code), transportHeaders(scheme));
    }
  };
}

/** An answer that has begun can't be followed by another. Node keeps it there, and has no public name for it. */
function isAnswering(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true;
}

function unparsed(code: string | undefined): unknown {
  if (code === "HPE_HEADER_OVERFLOW") return new PayloadTooLargeError("the head of the request is too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new DeadlineExceededError("the request took too long to come");
  return new InvalidArgumentError([{ field: "", description: "the request must be well-formed HTTP/1.1" }]);
}
