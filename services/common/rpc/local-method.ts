import { create, type DescMethod, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { forCaller, forEverybody } from "../caller-gone.ts";
import type { ErrorReport } from "./error-report.ts";
import { LocalCall } from "./local-call.ts";
import { Relay } from "./relay.ts";
import type { ServerCheck } from "./rpc.ts";

/** A handler of any kind of method, as it is found in an implementation. */
export type LocalHandler = (input: unknown, context: LocalCall) => unknown;

export interface LocalMethodDeps {
  method: DescMethod;
  handler: LocalHandler;
  checks: readonly ServerCheck[];
  report: ErrorReport;
  /** Told of each call when it begins and when its handler is done. */
  started(context: LocalCall): void;
  finished(context: LocalCall): void;
}

/** A call that answers one message. */
export interface LocalAnswer {
  readonly context: LocalCall;
  readonly message: Promise<Message>;
}

/** A call that answers a stream. */
export interface LocalStream {
  readonly context: LocalCall;
  readonly messages: Relay;
}

/** A method that can be called. `input` is a message, or an async iterable of them where the client streams. */
export interface LocalMethod {
  call(input: unknown, options: CallOptions | undefined): LocalAnswer;
  /** The handler runs at once, up to its first item, whether or not anybody reads. */
  stream(input: unknown, options: CallOptions | undefined): LocalStream;
}

/**
 * Calls a handler in the process of its caller, in the caller's own turn of the event loop. Messages pass by reference:
 * neither side may change what it gave or got.
 */
export function createLocalMethod(deps: LocalMethodDeps): LocalMethod {
  const { method, handler, checks, report, started, finished } = deps;
  const url = `local:/${method.parent.typeName}/${method.name}`;
  const toInput = (item: unknown) => create(method.input, item as MessageInitShape<typeof method.input>);
  const toOutput = (item: unknown) => create(method.output, item as MessageInitShape<typeof method.output>);
  const takesStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";

  /** The client's stream as the handler reads it. When the client's side throws, it has given the call up. */
  function relayInput(context: LocalCall, items: unknown): Relay {
    const relay = new Relay(toInput, {
      done: () => undefined,
      left: () => undefined,
      failed: (error) => {
        context.cancel(error);
        return context.failure ?? report(error, context);
      },
    });
    relay.start((items as AsyncIterable<unknown>)[Symbol.asyncIterator](), false);
    return relay;
  }

  function begin(input: unknown, options: CallOptions | undefined) {
    const context = new LocalCall(method, url, options);
    const requests = takesStream ? relayInput(context, input) : undefined;
    started(context);
    context.onFinish = () => {
      void requests?.stop();
      finished(context);
    };
    return { context, requests };
  }

  /** Everything that comes before the handler; waits only for checks that wait. */
  function admit(context: LocalCall, request: Message | undefined, from = 0): undefined | Promise<void> {
    for (let i = from; i < checks.length; i++) {
      const waiting = checks[i]?.(context, request);
      if (waiting !== undefined) return waiting.then(() => admit(context, request, i + 1));
    }
    if (context.failure !== undefined) throw context.failure;
    return undefined;
  }

  async function answer(context: LocalCall, requests: Relay | undefined, input: unknown): Promise<Message> {
    try {
      const request = requests === undefined ? toInput(input) : undefined;
      const waiting = admit(context, request);
      if (waiting !== undefined) await waiting;
      return toOutput(await forCaller(context, () => handler(requests ?? request, context)));
    } catch (error) {
      throw report(error, context);
    } finally {
      context.finish();
    }
  }

  async function open(context: LocalCall, requests: Relay | undefined, input: unknown, output: Relay) {
    try {
      const request = requests === undefined ? toInput(input) : undefined;
      const waiting = admit(context, request);
      if (waiting !== undefined) await waiting;
      const items = handler(requests ?? request, context) as AsyncIterable<unknown>;
      output.start(items[Symbol.asyncIterator](), true);
    } catch (error) {
      await output.stop(report(error, context));
      context.finish();
    }
  }

  return {
    call(input, options) {
      const { context, requests } = begin(input, options);
      const message = new Promise<Message>((resolve, reject) => {
        context.onAbort = (failure) => {
          void requests?.stop(failure);
          reject(failure);
        };
        answer(context, requests, input).then(resolve, reject);
      });
      return { context, message };
    },

    stream(input, options) {
      const { context, requests } = begin(input, options);
      const messages = new Relay(toOutput, {
        done: () => context.finish(),
        left: () => context.cancel(),
        failed: (error) => {
          const failure = report(error, context);
          context.finish();
          return failure;
        },
      });
      context.onAbort = (failure) => {
        void requests?.stop(failure);
        void messages.stop(failure).then(() => context.finish());
      };
      // What a stream asks for is asked by whoever reads it, at any later time.
      void forEverybody(() => open(context, requests, input, messages));
      return { context, messages };
    },
  };
}
