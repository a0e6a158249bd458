import type { Ack } from "#gen/parley/realtime/v1/frames_pb.js";
import { Code } from "./code.ts";
import { ParleyError } from "./errors.ts";
import { type ClientKind, clientFrame, type Link } from "./frames.ts";

/** What was asked by a connection and isn't answered yet. */
export interface Requests {
  ask(link: Link, kind: ClientKind): Promise<Ack>;
  answer(ref: string | undefined, ack: Ack): void;
  refuse(ref: string | undefined, error: ParleyError): void;
  /** The connection ended: nothing of it will be answered. */
  fail(error: ParleyError): void;
}

/** The server answers sooner, if with an error. */
const answerTimeoutMs = 60_000;

export function createRequests(): Requests {
  const open = new Map<string, PromiseWithResolvers<Ack>>();
  let last = 0;

  function take(ref: string | undefined): PromiseWithResolvers<Ack> | undefined {
    if (ref === undefined) return undefined;
    const request = open.get(ref);
    open.delete(ref);
    return request;
  }

  return {
    ask(link, kind) {
      last += 1;
      const ref = String(last);
      const request = Promise.withResolvers<Ack>();
      open.set(ref, request);
      const timer = setTimeout(() => {
        const error = { reason: "DEADLINE_EXCEEDED", code: Code.DeadlineExceeded };
        take(ref)?.reject(new ParleyError("the server didn't answer", error));
      }, answerTimeoutMs);
      const end = () => clearTimeout(timer);
      request.promise.then(end, end);
      link.send(clientFrame(kind, ref));
      return request.promise;
    },
    answer: (ref, ack) => take(ref)?.resolve(ack),
    refuse: (ref, error) => take(ref)?.reject(error),
    fail(error) {
      const all = [...open.values()];
      open.clear();
      for (const { reject } of all) reject(error);
    },
  };
}
