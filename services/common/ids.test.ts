import { afterEach, describe, expect, test, vi } from "vitest";
import { bytesToId, idToBytes, isId, newId } from "./ids.ts";

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("newId", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("makes version 7 UUIDs that rise strictly", () => {
    let last = "";
    for (let count = 0; count < 20_000; count++) {
      const id = newId();
      expect(id > last).toBe(true);
      last = id;
    }
    expect(last).toMatch(uuid7);
  });

  test("carries the time in its first 48 bits", () => {
    vi.useFakeTimers({ now: Date.UTC(2199, 0, 2, 3, 4, 5, 678) });
    const milliseconds = Number.parseInt(newId().replaceAll("-", "").slice(0, 12), 16);
    expect(new Date(milliseconds).toISOString()).toBe("2199-01-02T03:04:05.678Z");
  });

  test("goes on rising when the clock goes back, and beyond the counter of a millisecond", () => {
    vi.useFakeTimers({ now: Date.UTC(2200, 0, 1) });
    const before = newId();
    vi.setSystemTime(Date.UTC(2199, 0, 1));
    const ids = Array.from({ length: 10_000 }, newId);
    expect(ids[0]! > before).toBe(true);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("isId", () => {
  test.each([newId(), "00000000-0000-0000-0000-000000000000", "9b2fe1c0-ffff-4a5b-8c1d-0123456789ab"])(
    "%s is one",
    (id) => {
      expect(isId(id)).toBe(true);
    },
  );

  test.each([
    "",
    "room",
    "9B2FE1C0-FFFF-4A5B-8C1D-0123456789AB",
    "9b2fe1c0ffff4a5b8c1d0123456789ab",
    "9b2fe1c0-ffff-4a5b-8c1d-0123456789a",
    "9b2fe1c0-ffff-4a5b-8c1d-0123456789abc",
    "9b2fe1c0-ffff-4a5b-8c1d-0123456789ag",
    "9b2fe1c0-ffff-4a5b-8c1d-0123456789a\u0130",
    "{b2fe1c0-ffff-4a5b-8c1d-0123456789ab",
    "9b2fe1c0+ffff-4a5b-8c1d-0123456789ab",
    "9b2fe1c-0ffff-4a5b-8c1d-0123456789ab",
    "-b2fe1c0-ffff-4a5b-8c1d-0123456789ab",
  ])("%j is none", (text) => {
    expect(isId(text)).toBe(false);
    expect(() => idToBytes(text)).toThrow(TypeError);
  });
});

test("bytes and string are the same id", () => {
  const bytes = Uint8Array.of(0, 1, 0x7f, 0x80, 0xff, 5, 6, 7, 8, 9, 0xab, 0xcd, 0xef, 0x10, 0x20, 0x30);
  expect(bytesToId(bytes)).toBe("00017f80-ff05-0607-0809-abcdef102030");
  expect(idToBytes("00017f80-ff05-0607-0809-abcdef102030")).toEqual(bytes);
  const id = newId();
  expect(bytesToId(idToBytes(id))).toBe(id);
});
