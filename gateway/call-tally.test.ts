import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { codeName } from "./call-tally.ts";

test.each([
  [undefined, "OK"],
  [Code.Canceled, "CANCELLED"],
  [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.Unauthenticated, "UNAUTHENTICATED"],
])("code %s has gRPC's name", (code, name) => {
  expect(codeName(code)).toBe(name);
});
