import { expect, test } from "vitest";
import { Code, ParleyError, type Role, type User } from "../../../../client/index.ts";
import { counted, failureText, listed, nameOf, roleName } from "./words.ts";

const failure = (reason: string, more: { retryAfter?: number; fields?: ParleyError["fields"] } = {}) =>
  new ParleyError("told so", { reason, code: Code.Unknown, ...more });

test("a failure is a sentence, also one that is new to this page", () => {
  expect(failureText(failure("ROLE_TOO_LOW"))).toBe("Your role in this room doesn't allow that.");
  expect(failureText(failure("OF_NEXT_YEAR"))).toBe("That didn't work: told so");
  expect(failureText(new TypeError("undefined is not a function"))).toBe("Something went wrong. Try again.");
});

test("who was too fast is told how long to wait, never too short", () => {
  const wait = (retryAfter?: number) => failureText(failure("RATE_LIMITED", { retryAfter }));
  expect(wait(2_100)).toBe("That was too fast. Try again in 3 seconds.");
  expect(wait(0)).toBe("That was too fast. Try again in a second.");
  expect(wait()).toBe("That was too fast. Try again in a second.");
});

test("a field at fault is named as the page names it", () => {
  const fields = [
    { field: "display_name", message: "at most 100 characters" },
    { field: "username", message: "too short" },
  ];
  expect(failureText(failure("INVALID_ARGUMENT", { fields }))).toBe("Display name: at most 100 characters");
  expect(failureText(failure("USERNAME_TAKEN", { fields: [] }))).toMatch(/is taken/);
});

test("names are listed as people do, and never one alone as others", () => {
  expect(listed([])).toBe("");
  expect(listed(["Ada"])).toBe("Ada");
  expect(listed(["Ada", "Bob"])).toBe("Ada and Bob");
  expect(listed(["Ada", "Bob", "Cy"])).toBe("Ada, Bob and Cy");
  expect(listed(["Ada", "Bob", "Cy", "Dan"])).toBe("Ada, Bob and 2 others");
});

test("one is one, and all else is many", () => {
  expect([0, 1, 2].map((count) => counted(count, "message"))).toEqual([
    "0 messages",
    "1 message",
    "2 messages",
  ]);
  expect(counted(2, "person", "people")).toBe("2 people");
});

test("people are called by their name, while they have one", () => {
  const ada = { userId: "1", displayName: "Ada" } as User;
  expect(nameOf(ada)).toBe("Ada");
  expect(nameOf({ ...ada, displayName: "", deletedAt: {} as NonNullable<User["deletedAt"]> })).toBe(
    "Deleted account",
  );
  expect(nameOf(undefined)).toBe("…");
  // A role of a later version.
  expect(roleName(99 as Role)).toBe("Member");
});
