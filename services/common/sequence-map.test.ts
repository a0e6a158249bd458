import { expect, test } from "vitest";
import { SequenceMap } from "./sequence-map.ts";

const value = (number: number) => ({ number });
const textOf = (entries: Iterable<[number, { number: number }]>) =>
  Array.from(entries, ([number, value]) => `${number}:${value.number}`).join();
const numbersIn = (map: SequenceMap<object>) => Array.from(map.entries(), ([number]) => number);

test("keeps what is under way, and forgets what is done, in any order", () => {
  const map = new SequenceMap<{ number: number }>();
  for (const number of [7, 8, 10]) map.set(number, value(number));
  expect([map.size, map.get(7), map.get(9), map.get(6), map.get(11)]).toEqual([
    3,
    value(7),
    undefined,
    undefined,
    undefined,
  ]);
  expect([map.delete(8), map.delete(8), map.delete(9), map.delete(-1)]).toEqual([true, false, false, false]);
  expect(numbersIn(map)).toEqual([7, 10]);
  expect(map.delete(7)).toBe(true);
  expect(() => map.set(10, value(10))).toThrow(RangeError);
  expect(() => map.set(3, value(3))).toThrow(RangeError);
  expect(map.delete(10)).toBe(true);
  expect([map.size, numbersIn(map)]).toEqual([0, []]);
  map.set(3, value(3));
  expect(numbersIn(map)).toEqual([3]);
});

test("does what a Map does, however many are under way and however late the first is done", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (const [atOnce, gap] of [
    [3, 1],
    [200, 1],
    [1_000, 7],
    [18_000, 1],
  ] as const) {
    const map = new SequenceMap<{ number: number }>();
    const reference = new Map<number, { number: number }>();
    const oldest: number[] = [];
    let next = random(1_000);
    for (let step = 0; step < 3 * atOnce + 500; step++) {
      next += 1 + random(gap);
      map.set(next, value(next));
      reference.set(next, value(next));
      oldest.push(next);
      if (reference.size > atOnce) {
        const [number] = oldest.splice(random(Math.min(oldest.length, 50)), 1) as [number];
        expect(map.delete(number)).toBe(reference.delete(number));
      }
      if (step % (atOnce + 1) === 0) expect(textOf(map.entries())).toBe(textOf(reference));
    }
    expect(textOf(map.entries())).toBe(textOf(reference));
    expect(map.size).toBe(reference.size);
    for (const number of oldest.reverse()) expect(map.delete(number)).toBe(true);
    expect([map.size, numbersIn(map)]).toEqual([0, []]);
  }
});

test("goes on while what it goes over is deleted and added", () => {
  const map = new SequenceMap<{ number: number }>();
  for (let number = 1; number <= 20; number++) map.set(number, value(number));
  const seen: number[] = [];
  for (const [number] of map.entries()) {
    seen.push(number);
    map.delete(number);
    map.delete(number + 1);
    if (number === 5) for (let more = 30; more <= 90; more++) map.set(more, value(more));
  }
  expect(seen.slice(0, 10)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  expect(seen.slice(10)).toEqual(Array.from({ length: 31 }, (_, i) => 30 + 2 * i));
  expect(map.size).toBe(0);
});
