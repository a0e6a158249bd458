import { expect, test } from "vitest";
import { isEndless } from "./timeouts.ts";

test.each(["2147483648", "9999999999", "99999999H", "2147484S", "35792M"])("%s is endless", (timeout) => {
  expect(isEndless(timeout)).toBe(true);
});

test.each(["2147483647", "0", "99999999u", "99999999m", "596H", "2147483S", "soon", "", "-9999999999"])(
  "%s is not",
  (timeout) => {
    expect(isEndless(timeout)).toBe(false);
  },
);
