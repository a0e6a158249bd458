import type { StringValue } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { DomainError, RateLimitedError, reasonOf } from "../errors.ts";
import { createLocalRpc } from "./local.ts";
import type { ServerInterceptor } from "./rpc.ts";
import {
  aborted,
  collect,
  type EchoClient,
  type EchoHandlers,
  EchoService,
  echo,
  failureOf,
  testCalls,
  values,
} from "./test-echo.ts";

function serveEcho(handlers: Partial<EchoHandlers> = {}, interceptors: ServerInterceptor[] = []) {
  const rpc = createLocalRpc({ logger: pino({ enabled: false }), interceptors, graceMs: 50 });
  rpc.serve(EchoService, { ...echo, ...handlers } as never);
  return {
    rpc,
    client: rpc.client(EchoService) as unknown as EchoClient,
    connectClient: createClient(EchoService, rpc.transport(EchoService)) as unknown as EchoClient,
  };
}

testCalls(serveEcho, { timeoutMs: 50, deadlineReasons: ["DEADLINE_EXCEEDED"] });

describe.each(["client", "connectClient"] as const)("through the %s", (kind) => {
  test("headers go in and come out", async () => {
    const { [kind]: client } = serveEcho({
      async unary(_, context) {
        context.responseHeader.set("x-answer", "header");
        context.responseTrailer.set("x-answer", "trailer");
        return { value: context.requestHeader.get("x-question") ?? "none" };
      },
    });
    const seen: (string | null)[] = [];
    const answer = await client.unary(
      { value: "" },
      {
        headers: { "X-Question": "why" },
        onHeader: (headers) => seen.push(headers.get("x-answer")),
        onTrailer: (trailers) => seen.push(trailers.get("x-answer")),
      },
    );
    expect([answer.value, ...seen]).toEqual(["why", "header", "trailer"]);
  });
});

describe("errors", () => {
  test("what nobody expected leaves as an internal error and is logged whole", async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
    const rpc = createLocalRpc({ logger });
    const broken = async () => {
      throw new TypeError("secret details");
    };
    rpc.serve(EchoService, { ...echo, unary: broken } as never);
    const client = rpc.client(EchoService) as unknown as EchoClient;

    const error = await failureOf(client.unary({ value: "" }, { headers: { "x-request-id": "r1" } }));

    expect([error.code, error.rawMessage, reasonOf(error)]).toEqual([
      Code.Internal,
      "internal error",
      "INTERNAL",
    ]);
    expect(lines).toMatchObject([
      { method: "echo.EchoService/Unary", requestId: "r1", err: { message: "secret details" } },
    ]);
  });

  test("a service that is not served is unavailable, and comes back", async () => {
    const rpc = createLocalRpc({ logger: pino({ enabled: false }) });
    const client = rpc.client(EchoService) as unknown as EchoClient;
    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("UNAVAILABLE");
    expect(reasonOf(await failureOf(collect(client.download({ value: "" }))))).toBe("UNAVAILABLE");

    const served = rpc.serve(EchoService, echo as never);
    expect((await client.unary({ value: "here" })).value).toBe("here");
    await served.close();
    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("UNAVAILABLE");
  });

  test("a method that the implementation lacks is unimplemented", async () => {
    const { client } = serveEcho({ unary: undefined });
    expect((await failureOf(client.unary({ value: "" }))).code).toBe(Code.Unimplemented);
    expect((await client.upload(values("a"))).value).toBe("a");
  });

  test("a call that is over before it begins never reaches its handler", async () => {
    let called = false;
    const { client } = serveEcho({
      async unary(request) {
        called = true;
        return request;
      },
      async *download(request) {
        called = true;
        yield request;
      },
    });
    const signal = AbortSignal.abort();
    expect(reasonOf(await failureOf(client.unary({ value: "" }, { signal })))).toBe("CANCELLED");
    expect(reasonOf(await failureOf(collect(client.download({ value: "" }, { signal }))))).toBe("CANCELLED");
    expect(called).toBe(false);
  });

  test("a deadline that ended the caller's own work passes on as a deadline", async () => {
    const { client } = serveEcho({ unary: () => new Promise(() => undefined) });
    const error = await failureOf(client.unary({ value: "" }, { signal: AbortSignal.timeout(1) }));
    expect(reasonOf(error)).toBe("DEADLINE_EXCEEDED");
  });
});

describe("streams", () => {
  test("the handler produces no further than one item ahead of its reader", async () => {
    let produced = 0;
    const { client } = serveEcho({
      async *download() {
        for (;;) yield { value: String(produced++) };
      },
    });
    const messages = client.download({ value: "" })[Symbol.asyncIterator]();
    await messages.next();
    await messages.next();
    await new Promise(setImmediate);
    expect(produced).toBeLessThanOrEqual(3);
    await messages.return?.();
  });

  test("input is taken when the handler asks for it", async () => {
    let given = 0;
    async function* requests() {
      for (;;) yield { value: String(given++) };
    }
    const { client } = serveEcho({
      async upload(items) {
        const iterator = items[Symbol.asyncIterator]();
        await iterator.next();
        await new Promise(setImmediate);
        return { value: String(given) };
      },
    });
    expect((await client.upload(requests())).value).toBe("1");
  });

  test.each([
    ["ends", async function* () {}, undefined],
    [
      "throws",
      // biome-ignore lint/correctness/useYield: a handler that fails before it answers
      async function* () {
        throw new DomainError({ reason: "LIMIT_REACHED", message: "enough" });
      },
      "LIMIT_REACHED",
    ],
  ])("a handler that %s ends the client's input", async (_, chat, reason) => {
    const inputEnded = Promise.withResolvers<void>();
    const input = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<{ value: string }>>(() => undefined),
        return: async () => {
          inputEnded.resolve();
          return { done: true as const, value: undefined };
        },
      }),
    };
    const { client } = serveEcho({ chat });
    const answers = collect(client.chat(input));
    expect(await answers.catch(reasonOf)).toEqual(reason ?? []);
    await inputEnded.promise;
  });

  test("a reader that asks ahead gets the items in order and then the end", async () => {
    const { client } = serveEcho();
    const messages = client.download({ value: "ab" })[Symbol.asyncIterator]();
    const results = await Promise.all([messages.next(), messages.next(), messages.next(), messages.next()]);
    expect(results.map(({ value }) => value?.value)).toEqual(["a", "b", undefined, undefined]);
  });
});

describe("checks", () => {
  test("run in order, also those that wait, before the handler", async () => {
    const steps: string[] = [];
    const interceptors: ServerInterceptor[] = [
      () => async () => {
        steps.push("first");
      },
      (method) => (method.name === "Upload" ? () => void steps.push("never") : undefined),
      () => (_, request) => void steps.push((request as StringValue).value),
    ];
    const { client } = serveEcho(
      {
        async unary(request) {
          steps.push("handler");
          return request;
        },
      },
      interceptors,
    );
    await client.unary({ value: "request" });
    expect(steps).toEqual(["first", "request", "handler"]);
  });

  test("a refusal ends the call before the handler", async () => {
    const { client } = serveEcho({}, [
      () => () => {
        throw new RateLimitedError(10);
      },
    ]);
    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("RATE_LIMITED");
    expect(reasonOf(await failureOf(collect(client.chat(values("a")))))).toBe("RATE_LIMITED");
  });
});

describe("closing", () => {
  test("lets calls finish and ends streams", async () => {
    const going = Promise.withResolvers<{ value: string }>();
    const { rpc, client } = serveEcho({
      unary: () => going.promise,
      async *download(_, context) {
        yield { value: "open" };
        await aborted(context.signal);
      },
    });
    const answer = client.unary({ value: "" });
    const stream = collect(client.download({ value: "" }));
    const closed = rpc.close();

    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("UNAVAILABLE");
    expect(reasonOf(await failureOf(stream))).toBe("UNAVAILABLE");
    going.resolve({ value: "done" });
    expect((await answer).value).toBe("done");
    await closed;
  });

  test("leaves handlers behind that don't end", async () => {
    const { rpc, client } = serveEcho({ unary: () => new Promise(() => undefined) });
    const answer = failureOf(client.unary({ value: "" }));
    await rpc.close();
    expect(reasonOf(await answer)).toBe("UNAVAILABLE");
  });
});
