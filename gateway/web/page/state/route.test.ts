import { expect, test } from "vitest";
import { hrefOf, parseRoute, type Route } from "./route.ts";

test("each place has an address, which leads there", () => {
  const places: Route[] = [
    { at: "home" },
    { at: "room", roomId: "01890a5d-ac96-774b-bcce-b302099a8057" },
    { at: "join", code: "abc_-123" },
    { at: "join", code: "50% of a/b#c?d ü" },
  ];
  for (const place of places) expect(parseRoute(hrefOf(place))).toEqual(place);
});

test("what leads nowhere leads home", () => {
  const hashes = [
    "",
    "#",
    "#/",
    "#/rooms",
    "#/rooms/",
    "#/rooms/a/b",
    "#/elsewhere/a",
    "#rooms/a",
    "#/rooms/a/",
  ];
  for (const hash of hashes) expect(parseRoute(hash)).toEqual({ at: "home" });
});

test("a code that was cut in the middle is asked for as it is", () => {
  expect(parseRoute("#/join/abc%E")).toEqual({ at: "join", code: "abc%E" });
});
