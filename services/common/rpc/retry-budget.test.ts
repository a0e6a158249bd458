import { expect, test } from "vitest";
import { createRetryBudget } from "./retry-budget.ts";

function retriesOf(budget: ReturnType<typeof createRetryBudget>): number {
  let count = 0;
  while (budget.take()) count += 1;
  return count;
}

test("what fails on and on is soon not made again, until calls come through", () => {
  const budget = createRetryBudget();
  expect(retriesOf(budget)).toBe(49);
  expect(retriesOf(budget)).toBe(0);
  for (let i = 0; i < 200; i++) budget.succeeded();
  expect(retriesOf(budget)).toBeGreaterThan(10);
});
