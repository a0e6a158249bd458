/**
 * How long a connection isn't read that was refused for overload: until some sixteen frames will have come, as far as
 * its last ones tell. That makes a read and a write cheap per frame; a longer rest would only make what it holds late.
 */
const frames = 16;
const firstMs = 50;
const leastMs = 5;
const mostMs = 200;

/** When a connection that is refused for overload is read. What it sends meanwhile is then read, and refused, at once. */
export class ReadRest {
  /** Frames of this turn that were refused. */
  #refusals = 0;
  #ms = firstMs;
  #resting = false;

  /** Whether the connection is not to be read. */
  get resting(): boolean {
    return this.#resting;
  }

  refused(): void {
    this.#refusals += 1;
  }

  /** The turn is over. Answers whether the connection rests from now on; `over` is called when it doesn't any more. */
  begin(over: () => void): boolean {
    if (this.#refusals === 0) return false;
    const fitting = Math.floor((this.#ms * frames) / this.#refusals);
    this.#refusals = 0;
    if (this.#resting) return false;
    this.#ms = Math.min(mostMs, Math.max(leastMs, fitting));
    if (this.#ms === leastMs) return false;
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      over();
    }, this.#ms).unref();
    return true;
  }
}
