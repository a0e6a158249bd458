import { expect, test } from "vitest";
import { toSeq } from "./seqs.ts";

test("what no log reaches is a number that is exact, with its neighbours", () => {
  expect([0n, 1n, 4_503_599_627_370_496n].map(toSeq)).toEqual([0, 1, 4_503_599_627_370_496]);
  for (const seq of [2n ** 63n - 1n, 2n ** 53n]) expect(Number.isSafeInteger(toSeq(seq) + 1)).toBe(true);
  for (const seq of [-1n, -(2n ** 63n)]) expect(toSeq(seq)).toBe(0);
});
