import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_wrappers,
  type StringValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.js";
import {
  type ErrorReason,
  InvalidArgumentError,
  RateLimitedError,
  reasonOf,
  retryAfterMsOf,
} from "../errors.ts";

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

export const EchoService = describeEcho();

export interface EchoClient {
  unary(request: { value: string }, options?: CallOptions): Promise<StringValue>;
  download(request: { value: string }, options?: CallOptions): AsyncIterable<StringValue>;
  upload(requests: AsyncIterable<{ value: string }>, options?: CallOptions): Promise<StringValue>;
  chat(requests: AsyncIterable<{ value: string }>, options?: CallOptions): AsyncIterable<StringValue>;
}

export interface EchoHandlers {
  unary(request: StringValue, context: HandlerContext): Promise<{ value: string }>;
  download(request: StringValue, context: HandlerContext): AsyncIterable<{ value: string }>;
  upload(requests: AsyncIterable<StringValue>, context: HandlerContext): Promise<{ value: string }>;
  chat(requests: AsyncIterable<StringValue>, context: HandlerContext): AsyncIterable<{ value: string }>;
}

export const echo: EchoHandlers = {
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

export async function* values(...all: string[]) {
  for (const value of all) yield { value };
}

export async function collect(messages: AsyncIterable<StringValue>): Promise<string[]> {
  const collected: string[] = [];
  for await (const { value } of messages) collected.push(value);
  return collected;
}

/** The error that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

/** Resolves when the signal aborts, with the reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  if (signal.aborted) resolve(signal.reason);
  else signal.addEventListener("abort", () => resolve(signal.reason));
  return promise;
}

/** Who serves the handlers, and how they are called. */
export interface EchoClients {
  readonly client: EchoClient;
  readonly connectClient: EchoClient;
}

export interface CallsSetting {
  /** Long enough for a call to reach its handler. */
  timeoutMs: number;
  /** By which a handler may hear that its caller's deadline has passed. */
  deadlineReasons: readonly ErrorReason[];
}

/** What calls promise wherever their handler is. */
export function testCalls(
  serve: (handlers?: Partial<EchoHandlers>) => EchoClients | Promise<EchoClients>,
  { timeoutMs, deadlineReasons }: CallsSetting,
): void {
  describe.each(["client", "connectClient"] as const)("calls of every kind through the %s", (kind) => {
    test("unary", async () => {
      const answer = await (await serve())[kind].unary({ value: "hello" });
      expect(answer).toEqual(create(StringValueSchema, { value: "hello" }));
    });

    test("server streaming", async () => {
      expect(await collect((await serve())[kind].download({ value: "abc" }))).toEqual(["a", "b", "c"]);
    });

    test("client streaming", async () => {
      expect((await (await serve())[kind].upload(values("a", "b"))).value).toBe("ab");
    });

    test("bidirectional", async () => {
      expect(await collect((await serve())[kind].chat(values("a", "b")))).toEqual(["A", "B"]);
    });

    test("errors keep their details", async () => {
      const violations = [{ field: "value", description: "must be nicer" }];
      const { [kind]: client } = await serve({
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
      const { [kind]: client } = await serve({
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
      const late = await failureOf(client.unary({ value: "" }, { timeoutMs }));
      expect(reasonOf(late)).toBe("DEADLINE_EXCEEDED");
      const cut = await failureOf(collect(client.download({ value: "" }, { timeoutMs })));
      expect(reasonOf(cut)).toBe("DEADLINE_EXCEEDED");
      await expect.poll(() => reasons.length).toBe(2);
      expect(deadlineReasons).toEqual(expect.arrayContaining(reasons));
    });

    test("the caller's signal ends both sides", async () => {
      const begun = Promise.withResolvers<void>();
      const reason = Promise.withResolvers<unknown>();
      const { [kind]: client } = await serve({
        async *chat(requests, context) {
          aborted(context.signal).then(reason.resolve, reason.reject);
          begun.resolve();
          for await (const { value } of requests) yield { value };
        },
      });
      const controller = new AbortController();
      const endless = new ReadableStream<{ value: string }>();
      const answers = collect(client.chat(endless, { signal: controller.signal }));
      await begun.promise;
      controller.abort();
      expect(reasonOf(await failureOf(answers))).toBe("CANCELLED");
      expect(reasonOf(await reason.promise)).toBe("CANCELLED");
    });
  });

  test("leaving the iteration cancels the handler", async () => {
    const ended = Promise.withResolvers<string>();
    const { client } = await serve({
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

  test("input that fails cancels the call", async () => {
    async function* requests() {
      yield { value: "a" };
      throw new Error("the producer broke");
    }
    const { client } = await serve();
    expect(reasonOf(await failureOf(client.upload(requests())))).toBe("CANCELLED");
  });
}
