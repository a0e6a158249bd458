/**
 * How long a connection isn't read that was refused for overload: until some 24 KiB will have come, as far as its last
 * bytes tell. That makes a read and a write cheap per frame. It is well below the 64 KiB that are read at once, so that
 * who sends faster than it did is caught up with; a longer rest would make what it holds late.
 */
const bytes = 24 * 1024;
const firstMs = 50;
const leastMs = 5;
const mostMs = 200;

/** When a connection that is refused for overload is read. What it sends meanwhile is then read, and refused, at once. */
export class ReadRest {
  /** Something of this turn was refused. */
  #refused = false;
  #received: number;
  #ms = firstMs;
  #resting = false;

  constructor(received: number) {
    this.#received = received;
  }

  /** Whether the connection is not to be read. */
  get resting(): boolean {
    return this.#resting;
  }

  refused(): void {
    this.#refused = true;
  }

  /**
   * The turn is over, and so many bytes were received since the connection began. Answers whether it rests from now on;
   * `over` is called when it doesn't any more.
   */
  begin(received: number, over: () => void): boolean {
    const refused = this.#refused;
    this.#refused = false;
    if (this.#resting) return false;
    const came = received - this.#received;
    this.#received = received;
    if (!refused || came === 0) return false;
    this.#ms = Math.min(mostMs, Math.max(leastMs, Math.floor((this.#ms * bytes) / came)));
    if (this.#ms === leastMs) return false;
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      over();
    }, this.#ms).unref();
    return true;
  }
}
