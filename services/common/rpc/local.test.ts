import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_wrappers,
  type StringValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.js";
import { DomainError, InvalidArgumentError, RateLimitedError, reasonOf, retryAfterMsOf } from "../errors.ts";
import { createLocalRpc } from "./local.ts";
import type { ServerInterceptor } from "./rpc.ts";

/** All four kinds of methods over StringValue, as no contract of ours has them in one service. */
function describeEcho(): DescService {
  const stringValue = {
    inputType: ".google.protobuf.StringValue",
    outputType: ".google.protobuf.StringValue",
  };
  const file = create(FileDescriptorProtoSchema, {
    name: "echo.proto",
    package: "echo",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "EchoService",
        method: [
          { name: "Unary", ...stringValue },
          { name: "Download", ...stringValue, serverStreaming: true },
          { name: "Upload", ...stringValue, clientStreaming: true },
          { name: "Chat", ...stringValue, clientStreaming: true, serverStreaming: true },
        ],
      },
    ],
  });
  const set = create(FileDescriptorSetSchema, { file: [file_google_protobuf_wrappers.proto, file] });
  const service = createFileRegistry(set).getService("echo.EchoService");
  if (service === undefined) throw new Error("echo.EchoService is not in its own file");
  return service;
}

const EchoService = describeEcho();

interface EchoClient {
  unary(request: { value: string }, options?: CallOptions): Promise<StringValue>;
  download(request: { value: string }, options?: CallOptions): AsyncIterable<StringValue>;
  upload(requests: AsyncIterable<{ value: string }>, options?: CallOptions): Promise<StringValue>;
  chat(requests: AsyncIterable<{ value: string }>, options?: CallOptions): AsyncIterable<StringValue>;
}

interface EchoHandlers {
  unary(request: StringValue, context: HandlerContext): Promise<{ value: string }>;
  download(request: StringValue, context: HandlerContext): AsyncIterable<{ value: string }>;
  upload(requests: AsyncIterable<StringValue>, context: HandlerContext): Promise<{ value: string }>;
  chat(requests: AsyncIterable<StringValue>, context: HandlerContext): AsyncIterable<{ value: string }>;
}

const echo: EchoHandlers = {
  unary: async ({ value }) => ({ value }),
  async *download({ value }) {
    for (const letter of value) yield { value: letter };
  },
  async upload(requests) {
    let value = "";
    for await (const request of requests) value += request.value;
    return { value };
  },
  async *chat(requests) {
    for await (const { value } of requests) yield { value: value.toUpperCase() };
  },
};

function serveEcho(handlers: Partial<EchoHandlers> = {}, interceptors: ServerInterceptor[] = []) {
  const rpc = createLocalRpc({ logger: pino({ enabled: false }), interceptors, graceMs: 50 });
  rpc.serve(EchoService, { ...echo, ...handlers } as never);
  return {
    rpc,
    client: rpc.client(EchoService) as unknown as EchoClient,
    connectClient: createClient(EchoService, rpc.transport(EchoService)) as unknown as EchoClient,
  };
}

async function* values(...all: string[]) {
  for (const value of all) yield { value };
}

async function collect(messages: AsyncIterable<StringValue>): Promise<string[]> {
  const collected: string[] = [];
  for await (const { value } of messages) collected.push(value);
  return collected;
}

/** The error that a call ends with. */
async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

/** Resolves when the signal aborts, with the reason. */
function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  if (signal.aborted) resolve(signal.reason);
  else signal.addEventListener("abort", () => resolve(signal.reason));
  return promise;
}

describe.each(["client", "connectClient"] as const)("calls of every kind through the %s", (kind) => {
  test("unary", async () => {
    const answer = await serveEcho()[kind].unary({ value: "hello" });
    expect(answer).toEqual(create(StringValueSchema, { value: "hello" }));
  });

  test("server streaming", async () => {
    expect(await collect(serveEcho()[kind].download({ value: "abc" }))).toEqual(["a", "b", "c"]);
  });

  test("client streaming", async () => {
    expect((await serveEcho()[kind].upload(values("a", "b"))).value).toBe("ab");
  });

  test("bidirectional", async () => {
    expect(await collect(serveEcho()[kind].chat(values("a", "b")))).toEqual(["A", "B"]);
  });

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

  test("errors keep their details", async () => {
    const violations = [{ field: "value", description: "must be nicer" }];
    const { [kind]: client } = serveEcho({
      unary: async () => {
        throw new InvalidArgumentError(violations);
      },
      async *download() {
        yield { value: "first" };
        throw new RateLimitedError(1500);
      },
    });
    const refused = await failureOf(client.unary({ value: "" }));
    expect(refused.code).toBe(Code.InvalidArgument);
    expect(refused.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject(violations);

    const cut = await failureOf(collect(client.download({ value: "" })));
    expect([reasonOf(cut), retryAfterMsOf(cut)]).toEqual(["RATE_LIMITED", 1500]);
  });

  test("the deadline ends both sides", async () => {
    const reasons: unknown[] = [];
    const { [kind]: client } = serveEcho({
      async unary(_, context) {
        expect(context.timeoutMs()).toBeGreaterThan(0);
        reasons.push(reasonOf(await aborted(context.signal)));
        return { value: "too late" };
      },
      async *download(_, context) {
        yield { value: "in time" };
        reasons.push(reasonOf(await aborted(context.signal)));
      },
    });
    const late = await failureOf(client.unary({ value: "" }, { timeoutMs: 5 }));
    expect(reasonOf(late)).toBe("DEADLINE_EXCEEDED");
    const cut = await failureOf(collect(client.download({ value: "" }, { timeoutMs: 5 })));
    expect(reasonOf(cut)).toBe("DEADLINE_EXCEEDED");
    await expect.poll(() => reasons).toEqual(["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
  });

  test("the caller's signal ends both sides", async () => {
    const reason = Promise.withResolvers<unknown>();
    const { [kind]: client } = serveEcho({
      async *chat(requests, context) {
        aborted(context.signal).then(reason.resolve, reason.reject);
        for await (const { value } of requests) yield { value };
      },
    });
    const controller = new AbortController();
    const endless = new ReadableStream<{ value: string }>();
    const answers = collect(client.chat(endless, { signal: controller.signal }));
    controller.abort();
    expect(reasonOf(await failureOf(answers))).toBe("CANCELLED");
    expect(reasonOf(await reason.promise)).toBe("CANCELLED");
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

  test("leaving the iteration cancels the handler", async () => {
    const ended = Promise.withResolvers<string>();
    const { client } = serveEcho({
      async *download(_, context) {
        try {
          for (;;) yield { value: "again" };
        } finally {
          ended.resolve(String(reasonOf(context.signal.reason)));
        }
      },
    });
    for await (const { value } of client.download({ value: "" })) {
      expect(value).toBe("again");
      break;
    }
    expect(await ended.promise).toBe("CANCELLED");
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

  test("input that fails cancels the call", async () => {
    async function* requests() {
      yield { value: "a" };
      throw new Error("the producer broke");
    }
    const { client } = serveEcho();
    expect(reasonOf(await failureOf(client.upload(requests())))).toBe("CANCELLED");
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
