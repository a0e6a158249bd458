import type { Message } from "@bufbuild/protobuf";

/** What becomes of a relay, told to the call that it belongs to. */
export interface RelayEvents {
  /** The source has ended. */
  readonly done: () => void;
  /** The source threw, or its item is no message; answers what the reader gets to see. May come after the end. */
  readonly failed: (error: unknown) => Error;
  /** The reader left before the end. */
  readonly left: () => void;
}

interface Reader {
  resolve(result: IteratorResult<Message, undefined>): void;
  reject(error: Error): void;
}

const end: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * One direction of a stream within the process: what one side yields, the other side reads, item by item, when it asks
 * for it. That is all the back-pressure there is, and the only item held is the one that `start` may fetch ahead.
 *
 * `stop` tears the sides apart at any time: the reader is settled at once, whatever the source is doing, and the
 * source is told to return, which a busy one hears at its next yield.
 */
export class Relay implements AsyncIterableIterator<Message, undefined> {
  readonly #convert: (item: unknown) => Message;
  readonly #events: RelayEvents;
  readonly #readers: Reader[] = [];
  readonly #onResult = (result: IteratorResult<unknown>) => this.#receive(result);
  readonly #onError = (error: unknown) => this.#fail(error);
  #source: AsyncIterator<unknown> | undefined;
  /** Steps of the source that have not settled. */
  #pulling = 0;
  #fetched: Message | undefined;
  /** Thrown to the next reader, once. */
  #failure: Error | undefined;
  #over = false;
  #stopped: Promise<void> | undefined;

  constructor(convert: (item: unknown) => Message, events: RelayEvents) {
    this.#convert = convert;
    this.#events = events;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Begins to read from the source, `ahead` by one item: then the source runs before anybody asks for an item. */
  start(source: AsyncIterator<unknown>, ahead: boolean): void {
    this.#source = source;
    const wanted = Math.max(this.#readers.length, ahead ? 1 : 0);
    for (let i = 0; i < wanted; i++) this.#pull();
  }

  /** Ends the relay for its reader, who gets the failure or else the end. Resolves when the source has returned. */
  stop(failure?: Error): Promise<void> {
    if (!this.#over) {
      this.#finish(failure);
      this.#stopped = this.#leaveSource();
    }
    return this.#stopped ?? Promise.resolve();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#fetched !== undefined) {
      const value = this.#fetched;
      this.#fetched = undefined;
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#over) return Promise.resolve(end);
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (this.#source !== undefined && this.#pulling < this.#readers.length) this.#pull();
    });
  }

  /** Who leaves doesn't wait until the other side has cleaned up. */
  return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#over) {
      void this.stop();
      this.#events.left();
    }
    return Promise.resolve(end);
  }

  async #leaveSource(): Promise<void> {
    try {
      await this.#source?.return?.();
    } catch (error) {
      this.#events.failed(error);
    }
  }

  #pull(): void {
    this.#pulling++;
    this.#source?.next().then(this.#onResult, this.#onError);
  }

  #receive(result: IteratorResult<unknown>): void {
    this.#pulling--;
    if (this.#over) return;
    if (result.done) {
      this.#finish(undefined);
      this.#events.done();
      return;
    }
    let value: Message;
    try {
      value = this.#convert(result.value);
    } catch (error) {
      void this.stop(this.#events.failed(error));
      return;
    }
    const reader = this.#readers.shift();
    if (reader === undefined) this.#fetched = value;
    else reader.resolve({ done: false, value });
  }

  #fail(error: unknown): void {
    this.#pulling--;
    const failure = this.#events.failed(error);
    if (!this.#over) this.#finish(failure);
  }

  #finish(failure: Error | undefined): void {
    this.#over = true;
    this.#fetched = undefined;
    const readers = this.#readers.splice(0);
    if (failure !== undefined) {
      const first = readers.shift();
      if (first === undefined) this.#failure = failure;
      else first.reject(failure);
    }
    for (const reader of readers) reader.resolve(end);
  }
}
