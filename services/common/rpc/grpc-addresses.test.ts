import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { GrpcUrlError, parseGrpcUrl, watchAddresses } from "./grpc-addresses.ts";

const logger = pino({ enabled: false });

test.each([
  ["grpc://auth:8082", false, [{ host: "auth", port: 8082 }]],
  ["grpcs://auth.chat.svc:443", true, [{ host: "auth.chat.svc", port: 443 }]],
  [
    "grpc://10.0.0.1:1,[::1]:2",
    false,
    [
      { host: "10.0.0.1", port: 1 },
      { host: "::1", port: 2 },
    ],
  ],
])("%s", (url, tls, hosts) => {
  expect(parseGrpcUrl(url)).toEqual({ tls, hosts });
});

test.each([
  "auth:8082",
  "http://auth:8082",
  "grpc://auth",
  "grpc://auth:0",
  "grpc://auth:65536",
  "grpc://auth:8082/path",
  "grpc://user@auth:8082",
  "grpc://a:1,",
  "grpc://[no]:1",
  "grpc://",
])("%s is refused with what to write instead", (url) => {
  expect(() => parseGrpcUrl(url)).toThrow(GrpcUrlError);
  expect(() => parseGrpcUrl(url)).toThrow("write grpc://host:port");
});

describe("addresses", () => {
  /** What is told while the name resolves to one list after the other; an Error is one that doesn't. */
  async function watched(answers: (string[] | Error)[], url = "grpc://name:1"): Promise<string[]> {
    const told: string[] = [];
    const stop = new AbortController();
    const resolve = async () => {
      const answer = answers.shift();
      if (answers.length === 0) stop.abort();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no more");
      return answer;
    };
    await watchAddresses(parseGrpcUrl(url), (addresses) => told.push(addresses.join()), stop.signal, {
      resolve,
      intervalMs: 1,
      logger,
    });
    return told;
  }

  test("are told once, and again when they are others", async () => {
    const told = await watched([
      ["1.1.1.1"],
      ["1.1.1.1"],
      ["2.2.2.2", "1.1.1.1"],
      ["1.1.1.1", "2.2.2.2"],
      [],
    ]);
    expect(told).toEqual(["1.1.1.1:1", "1.1.1.1:1,2.2.2.2:1"]);
  });

  test("stay while their name can't be resolved", async () => {
    const told = await watched([["1.1.1.1"], new Error("SERVFAIL"), ["1.1.1.1"], new Error("SERVFAIL"), []]);
    expect(told).toEqual(["1.1.1.1:1"]);
  });

  test("are told with the host that they belong to", async () => {
    const stop = new AbortController();
    const hosts: string[] = [];
    const changed = (addresses: readonly string[], hostOf: (address: string) => string) => {
      for (const address of addresses) hosts.push(`${address} ${hostOf(address)}`);
      stop.abort();
    };
    const resolve = async (host: string) => [host === "a" ? "1.1.1.1" : "2.2.2.2"];
    await watchAddresses(parseGrpcUrl("grpcs://a:1,b:1,3.3.3.3:1"), changed, stop.signal, {
      resolve,
      logger,
    });
    expect(hosts).toEqual(["1.1.1.1:1 a", "2.2.2.2:1 b", "3.3.3.3:1 3.3.3.3"]);
  });

  test("that are none but addresses need no looking up", async () => {
    expect(await watched([], "grpc://127.0.0.1:1,[::1]:2")).toEqual(["127.0.0.1:1,[::1]:2"]);
  });
});
