import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type ConnectError,
  type ContextValues,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { CancelledError, DeadlineExceededError, toConnectError } from "../errors.ts";
import { abortedBy } from "./abort-reason.ts";

/** Reason of the handler's signal when the call ended by itself. One for all, since nobody gets to see it. */
const callOver = toConnectError(new CancelledError("the call is over"));

/**
 * One call within the process: the context of its handler, and the one place that knows whether it still goes on.
 *
 * A call ends in two steps that may fall together. `abort` is the caller's end: by its signal, the deadline, leaving
 * the iteration, or the service's closing; from then on the caller has its error and the handler's signal is aborted.
 * `finish` is the handler's end, when nothing of it runs any more.
 *
 * Signal, headers and values are made when first asked for: most handlers want none of them, and they cost more than
 * the rest of a call.
 */
export class LocalCall implements HandlerContext {
  readonly service: DescService;
  readonly method: DescMethod;
  readonly url: string;
  readonly protocolName = "local";
  readonly requestMethod = "POST";
  /** Why the caller's side ended before the handler. */
  failure: ConnectError | undefined;
  /** Called once, when `failure` is set. */
  onAbort: ((failure: ConnectError) => void) | undefined;
  /** Called once, by `finish`. */
  onFinish: (() => void) | undefined;

  readonly #options: CallOptions | undefined;
  #finished = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the deadline passes, in ms since the epoch. */
  #deadline: number | undefined;
  #controller: AbortController | undefined;
  #values: ContextValues | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(method: DescMethod, url: string, options: CallOptions | undefined) {
    this.service = method.parent;
    this.method = method;
    this.url = url;
    this.#options = options;
    if (options === undefined) return;
    const { signal, timeoutMs } = options;
    if (signal?.aborted) this.#onSignal();
    else signal?.addEventListener("abort", this.#onSignal);
    if (timeoutMs !== undefined && timeoutMs > 0) {
      this.#deadline = Date.now() + timeoutMs;
      this.#timer = setTimeout(() => this.abort(toConnectError(new DeadlineExceededError())), timeoutMs);
    }
  }

  readonly timeoutMs = (): number | undefined =>
    this.#deadline === undefined ? undefined : this.#deadline - Date.now();

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.failure !== undefined || this.#finished) this.#controller.abort(this.failure ?? callOver);
    }
    return this.#controller.signal;
  }

  get values(): ContextValues {
    this.#values ??= createContextValues();
    return this.#values;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= new Headers(this.#options?.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  /** Ends the caller's side. */
  abort(failure: ConnectError): void {
    if (this.failure !== undefined || this.#finished) return;
    this.failure = failure;
    this.#release();
    this.#controller?.abort(failure);
    this.onAbort?.(failure);
  }

  /** The caller is no longer interested. */
  cancel(cause?: unknown): void {
    this.abort(toConnectError(new CancelledError("the call was cancelled", cause)));
  }

  /** Nothing of the handler runs any more. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#release();
    if (this.failure === undefined) this.#controller?.abort(callOver);
    this.onFinish?.();
  }

  readonly #onSignal = (): void => {
    if (this.#options?.signal) this.abort(abortedBy(this.#options.signal));
  };

  #release(): void {
    clearTimeout(this.#timer);
    this.#options?.signal?.removeEventListener("abort", this.#onSignal);
  }
}
