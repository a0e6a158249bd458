import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Unanswered requests that a connection may have. Browsers have one, libraries that pipeline have about ten. */
const maxPipelined = 64;
/** How long requests that came behind others of their connection are begun in one turn, in ms, before it is others' turn. */
const turnMs = 5;

/** What a connection has sent. */
interface Pipeline {
  unanswered: number;
  /** Came while others were unanswered, and are not begun. */
  readonly waiting: (() => void)[];
}

/**
 * Keeps connections that send request upon request without waiting for answers from taking all the time: Node hands over
 * all that stand in what it has read at once, some thousand small ones, before anybody else has a turn.
 *
 * The first request of a connection is begun at once. Those behind it are begun in later turns of the event loop, one of
 * each connection after the other, for a few milliseconds a turn; and a connection with too many is cut.
 */
export function boundPipelining(server: Server): void {
  const listeners = server.listeners("request") as RequestListener[];
  const pipelines = new WeakMap<Socket, Pipeline>();
  /** Those with requests that wait, in the order of their turns. */
  const queue = new Set<Pipeline>();
  let scheduled = false;

  function pipelineOf(socket: Socket): Pipeline {
    const known = pipelines.get(socket);
    if (known !== undefined) return known;
    const pipeline: Pipeline = { unanswered: 0, waiting: [] };
    pipelines.set(socket, pipeline);
    return pipeline;
  }

  function answered(this: ServerResponse): void {
    pipelineOf(this.req.socket).unanswered -= 1;
  }

  function schedule(): void {
    if (scheduled || queue.size === 0) return;
    scheduled = true;
    setImmediate(takeTurns);
  }

  function takeTurns(): void {
    scheduled = false;
    const until = performance.now() + turnMs;
    // Whoever has more to do goes to the end of the same queue, and comes up again.
    for (const pipeline of queue) {
      if (performance.now() >= until) break;
      queue.delete(pipeline);
      const begin = pipeline.waiting.shift();
      if (pipeline.waiting.length > 0) queue.add(pipeline);
      begin?.();
    }
    schedule();
  }

  server.removeAllListeners("request");
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // What had been read with the request that was too much still comes.
    if (socket.destroyed) return;
    const pipeline = pipelineOf(socket);
    if (pipeline.unanswered >= maxPipelined) {
      queue.delete(pipeline);
      socket.destroy();
      return;
    }
    pipeline.unanswered += 1;
    response.once("close", answered);
    const begin = () => {
      if (socket.destroyed) return;
      for (const listener of listeners) listener(request, response);
    };
    if (pipeline.unanswered === 1) {
      begin();
      return;
    }
    pipeline.waiting.push(begin);
    queue.add(pipeline);
    schedule();
  });
}
