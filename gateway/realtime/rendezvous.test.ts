import { expect, test } from "vitest";
import { newId } from "../../services/common/ids.ts";
import { createRendezvous } from "./rendezvous.ts";

const of = (...names: string[]) =>
  createRendezvous(names.map((name) => [`10.0.0.${name}:8082`, name] as const));
const keys = Array.from({ length: 9000 }, newId);

test("nobody, or the only one", () => {
  expect(of()("key")).toBeUndefined();
  expect(of("1")("key")).toBe("1");
});

test("everybody chooses the same, in whatever order they know the members", () => {
  const [one, other] = [of("1", "2", "3"), of("3", "1", "2")];
  expect(keys.map(one)).toEqual(keys.map(other));
});

test("keys are spread evenly, and only those of who comes or goes move", () => {
  const [three, four] = [of("1", "2", "3"), of("1", "2", "3", "4")];
  for (const name of ["1", "2", "3"]) {
    const share = keys.filter((key) => three(key) === name).length / keys.length;
    expect(share).toBeGreaterThan(0.3);
    expect(share).toBeLessThan(0.37);
  }
  const moved = keys.filter((key) => three(key) !== four(key));
  expect(new Set(moved.map(four))).toEqual(new Set(["4"]));
  expect(moved.length / keys.length).toBeGreaterThan(0.22);
  expect(moved.length / keys.length).toBeLessThan(0.28);
});
