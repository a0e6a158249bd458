import { type AsyncQueue, createAsyncQueue } from "../../services/common/async-queue.ts";
import { turns } from "./test-connection.ts";

/** One call of a bidirectional stream, seen from the server's side. */
export interface TestStream<Request, Response> {
  /** What the client has sent so far. */
  readonly requests: Request[];
  answer(response: Response): Promise<void>;
  /** Ends the call with an error. */
  breakOff(): Promise<void>;
}

/** A server of one bidirectional method: each call becomes a stream that the test answers. */
export function createTestStreams<Request, Response>() {
  const streams: TestStream<Request, Response>[] = [];

  async function collect(from: AsyncIterable<Request>, into: Request[], to: AsyncQueue<Response>) {
    try {
      for await (const request of from) into.push(request);
    } catch (error) {
      to.fail(error);
    }
  }

  return {
    streams,
    call(input: AsyncIterable<Request>, options?: { signal?: AbortSignal }): AsyncIterable<Response> {
      const responses = createAsyncQueue<Response>(1000);
      const requests: Request[] = [];
      options?.signal?.addEventListener("abort", () => responses.fail(options.signal?.reason));
      void collect(input, requests, responses);
      streams.push({
        requests,
        async answer(response) {
          responses.push(response);
          await turns();
        },
        async breakOff() {
          responses.fail(new Error("the stream broke"));
          await turns();
        },
      });
      return responses;
    },
  };
}
