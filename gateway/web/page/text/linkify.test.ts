import { expect, test } from "vitest";
import { linkify } from "./linkify.ts";

const links = (text: string) =>
  linkify(text).flatMap(({ text: shown, href }) => (href ? [[shown, href]] : []));

test("text comes back whole, whatever is in it", () => {
  for (const text of ["", "no link", "a https://a.example/b?c=d#e. And www.b.example!", "<b>https://a.b</b>"])
    expect(
      linkify(text)
        .map((part) => part.text)
        .join(""),
    ).toBe(text);
});

test("an address ends before what ends the sentence or encloses it", () => {
  expect(links("see https://a.example/x, (https://b.example/(y)) and http://c.example.")).toEqual([
    ["https://a.example/x", "https://a.example/x"],
    ["https://b.example/(y)", "https://b.example/(y)"],
    ["http://c.example", "http://c.example/"],
  ]);
});

test("a text of nothing but brackets is no work", () => {
  const text = `http://a.example/${")".repeat(1_000_000)}`;
  expect(links(text)).toEqual([["http://a.example/", "http://a.example/"]]);
});

test("www. is an address by https", () => {
  expect(links("www.parley.example")).toEqual([["www.parley.example", "https://www.parley.example/"]]);
});

test.each([
  "javascript:alert(1)",
  "data:text/html,<script>",
  "https://",
  "https://?",
  "httpsx://a.example",
  "file:///etc/passwd",
])("%s is no link", (text) => {
  expect(links(text)).toEqual([]);
});
