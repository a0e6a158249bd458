import { describe, expect, test } from "vitest";
import { readEnvironment } from "../services/common/config.ts";
import { type ClientHeaders, createClientReader } from "./clients.ts";
import { readTrustedProxies } from "./trusted-proxies.ts";

const reader = createClientReader(
  readTrustedProxies(readEnvironment({ PARLEY_TRUSTED_PROXIES: "10.0.0.0/8, fd00::/8, 192.0.2.1" })),
);
const proxy = "10.1.2.3";
const addressOf = (peer: string | undefined, forwarded?: string) =>
  reader.clientOf({ address: peer, isEncrypted: false }, { "x-forwarded-for": forwarded }).address;
const clientOf = (address: string, headers: ClientHeaders, isEncrypted = false) =>
  reader.clientOf({ address, isEncrypted }, { host: "inner:8080", ...headers });

describe("the client's address", () => {
  test.each([
    ["nobody's word", proxy, undefined, proxy],
    ["a proxy's word", proxy, "198.51.100.7", "198.51.100.7"],
    ["through two proxies", proxy, "198.51.100.7, 10.9.9.9", "198.51.100.7"],
    ["what the client wrote before it is ignored", proxy, "203.0.113.1, 198.51.100.7", "198.51.100.7"],
    ["also if it names a proxy", proxy, "10.0.0.1, 198.51.100.7, 10.9.9.9", "198.51.100.7"],
    ["a client inside the trusted network", proxy, "10.0.0.1, 10.9.9.9", "10.0.0.1"],
    ["an IPv4 proxy on a socket for both", "::ffff:10.1.2.3", "198.51.100.7", "198.51.100.7"],
    ["an IPv6 proxy and client", "fd12::1", "2001:db8::7", "2001:db8::7"],
    ["ports", proxy, "198.51.100.7:4711", "198.51.100.7"],
    ["brackets and a port", proxy, "[2001:db8::7]:4711", "2001:db8::7"],
    ["a mapped client", proxy, "::ffff:198.51.100.7", "198.51.100.7"],
    ["no address: the proxy that said so", proxy, "198.51.100.7, unknown, 10.9.9.9", "10.9.9.9"],
    ["nonsense", proxy, "<script>, ,,", proxy],
  ])("%s", (_, peer, forwarded, address) => {
    expect(addressOf(peer, forwarded)).toBe(address);
  });

  test.each(["198.51.100.9", "192.0.2.2", "11.0.0.1", "fe80::1%eth0", "::1"])(
    "%s is no proxy: whatever it says of others changes nothing",
    (peer) => {
      for (const forwarded of ["203.0.113.1", "127.0.0.1", "10.0.0.1", "203.0.113.1, 10.0.0.1"])
        expect(addressOf(peer, forwarded)).toBe(peer);
      const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "evil.example" };
      expect(clientOf(peer, headers)).toEqual({ address: peer, scheme: "http", host: "inner:8080" });
    },
  );

  test("a connection that is gone has none", () => expect(addressOf(undefined, "203.0.113.1")).toBe(""));
});

test("scheme and host are those by which the client called the first proxy", () => {
  const told = { "x-forwarded-proto": "https", "x-forwarded-host": "chat.example" };
  expect(clientOf(proxy, told)).toMatchObject({ scheme: "https", host: "chat.example" });
  expect(clientOf(proxy, {})).toMatchObject({ scheme: "http", host: "inner:8080" });
  expect(clientOf(proxy, {}, true)).toMatchObject({ scheme: "https", host: "inner:8080" });
  expect(clientOf(proxy, { "x-forwarded-proto": "gopher" })).toMatchObject({ scheme: "http" });
  const appended = {
    "x-forwarded-for": "203.0.113.1, 198.51.100.7, 10.9.9.9",
    "x-forwarded-proto": "http, HTTPS, http",
    "x-forwarded-host": "evil.example, chat.example, inner.example",
  };
  expect(clientOf(proxy, appended)).toEqual({
    address: "198.51.100.7",
    scheme: "https",
    host: "chat.example",
  });
});

test("every fault of the list is told", () => {
  const problemsOf = (value: string) => {
    const environment = readEnvironment({ PARLEY_TRUSTED_PROXIES: value });
    readTrustedProxies(environment);
    try {
      environment.finish();
      return [];
    } catch (error) {
      return (error as { problems: string[] }).problems.map((problem) => /has "([^"]*)"/.exec(problem)?.[1]);
    }
  };
  expect(problemsOf("none")).toEqual([]);
  expect(problemsOf("10.0.0.1,::1/128,0.0.0.0/0")).toEqual([]);
  const wrong = ["none", "localhost", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.1/", "fe80::1%eth0", "*"];
  expect(problemsOf(wrong.join(","))).toEqual(wrong);
});
