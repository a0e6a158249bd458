/**
 * What is kept under rising numbers and soon gone again, such as requests that wait for their answers; in the order of the
 * numbers. A ring of as many places as lie between the lowest and the highest number that are there, 8 bytes each: for
 * what ends within seconds, by a time-out if not otherwise.
 *
 * A Map does the same, but each time it renews its table, which under such use it does all the time, the old table goes
 * on pointing to the new one. Once one of these has become old itself, V8 takes all later ones, and everything that ever
 * stood in them, to be in use until the next full collection: each collection of young objects then copies them. At 5,000
 * writes a second that stopped a gateway for 30 to 60 ms every second.
 */
export class SequenceMap<V extends object> {
  #places: (V | undefined)[] = new Array(smallest).fill(undefined);
  /** No number below it is there. */
  #first = 0;
  /** Above all numbers that are there. */
  #end = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `number` is a whole number above all that are there. Throws RangeError. */
  set(number: number, value: V): void {
    if (this.#size === 0) [this.#first, this.#end] = [number, number];
    else if (number < this.#end) throw new RangeError(`${number} comes after ${this.#end - 1}`);
    const needed = number + 1 - this.#first;
    if (needed > this.#places.length) this.#resize(needed);
    this.#end = number + 1;
    this.#places[this.#placeOf(number)] = value;
    this.#size += 1;
  }

  get(number: number): V | undefined {
    return number >= this.#first && number < this.#end ? this.#places[this.#placeOf(number)] : undefined;
  }

  /** Whether it was there. */
  delete(number: number): boolean {
    if (this.get(number) === undefined) return false;
    this.#places[this.#placeOf(number)] = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#first = this.#end;
    while (this.#first < this.#end && this.#places[this.#placeOf(this.#first)] === undefined)
      this.#first += 1;
    // What a burst took is given back after it.
    if (this.#size === 0 && this.#places.length > largeSize) this.#resize(smallest);
    return true;
  }

  /** What is there when it comes to it: what is deleted meanwhile is left out, what is added comes too. */
  *entries(): Generator<[number, V]> {
    for (let number = this.#first; number < this.#end; number++) {
      const value = this.get(number);
      if (value !== undefined) yield [number, value];
    }
  }

  #placeOf(number: number): number {
    return number % this.#places.length;
  }

  #resize(needed: number): void {
    const present = [...this.entries()];
    let length = smallest;
    while (length < needed) length *= 2;
    this.#places = new Array(length).fill(undefined);
    for (const [number, value] of present) this.#places[this.#placeOf(number)] = value;
  }
}

const smallest = 16;
const largeSize = 16_384;
