/**
 * KafkaJS' requests to one broker that wait for their answers: what it asks of a Map, which it is in place of. They are
 * few, so that a look at each finds one. `SequenceMap` says what is wrong with a Map here: of a consumer it kept every
 * record in memory until the next full collection. Correlation ids begin anew, so that they don't only rise.
 */
export class InflightRequests<V> {
  #ids: number[] = [];
  #requests: V[] = [];

  get size(): number {
    return this.#ids.length;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  get(id: number): V | undefined {
    const at = this.#ids.indexOf(id);
    return at < 0 ? undefined : this.#requests[at];
  }

  /** The id is none that is there. */
  set(id: number, request: V): void {
    this.#ids.push(id);
    this.#requests.push(request);
  }

  delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at < 0) return false;
    this.#ids.splice(at, 1);
    this.#requests.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#ids = [];
    this.#requests = [];
  }

  values(): Iterable<V> {
    return [...this.#requests];
  }

  forEach(each: (request: V) => void): void {
    for (const request of [...this.#requests]) each(request);
  }
}
