import { describe, expect, test } from "vitest";
import { reasonOf } from "../errors.ts";
import { freePort } from "../test-free-port.ts";
import { aborted, collect, EchoService, failureOf, testCalls, values } from "./test-echo.ts";
import { connectTo, startEcho, urlOf } from "./test-mesh.ts";

// The caller's goodbye may come before the handler's own clock has run down.
testCalls(async (handlers) => connectTo(urlOf(await startEcho(handlers))), {
  timeoutMs: 300,
  deadlineReasons: ["DEADLINE_EXCEEDED", "CANCELLED"],
});

/** Waits until a count is the same as a moment ago. */
async function untilItStands(count: () => number): Promise<void> {
  let seen = -1;
  const stands = () => {
    const before = seen;
    seen = count();
    return seen === before;
  };
  await expect.poll(stands, { interval: 200, timeout: 10_000 }).toBe(true);
}

describe("streams", () => {
  test("a reader that stops reading holds the handler back", async () => {
    let produced = 0;
    const { client } = connectTo(
      urlOf(
        await startEcho({
          async *download() {
            for (; ; produced++) yield { value: "x".repeat(100_000) };
          },
        }),
      ),
    );
    const messages = client.download({ value: "" })[Symbol.asyncIterator]();
    await messages.next();
    // What windows and sockets hold is reached, and then nothing more is made.
    await untilItStands(() => produced);
    expect(produced).toBeLessThan(500);
    await messages.return?.();
  });

  test("a handler that doesn't read holds its caller back", async () => {
    let given = 0;
    async function* requests() {
      for (; given < 10_000; given++) yield { value: "x".repeat(100_000) };
    }
    const { client } = connectTo(
      urlOf(
        await startEcho({
          async *chat(_, context) {
            yield { value: "here" };
            await aborted(context.signal);
          },
        }),
      ),
    );
    const answers = client.chat(requests())[Symbol.asyncIterator]();
    await answers.next();
    await untilItStands(() => given);
    expect(given).toBeLessThan(500);
    await answers.return?.();
  });

  test("one caller's items keep their order, there and back", async () => {
    const { client } = connectTo(urlOf(await startEcho()));
    const numbers = Array.from({ length: 5000 }, (_, i) => String(i));
    expect(await collect(client.chat(values(...numbers)))).toEqual(numbers);
  });

  test("a process that drains ends streams by their input, so that nothing it took goes unanswered", async () => {
    const process = await startEcho();
    const { client } = connectTo(urlOf(process));
    let more: (() => void) | undefined;
    async function* requests() {
      yield { value: "a" };
      await new Promise<void>((resolve) => {
        more = resolve;
      });
    }
    const answers = client.chat(requests())[Symbol.asyncIterator]();
    expect((await answers.next()).value?.value).toBe("A");
    const closed = process.server.close();
    expect((await answers.next()).done).toBe(true);
    more?.();
    await closed;
  });
});

describe("identity", () => {
  test("another secret is refused, whatever the call is", async () => {
    const process = await startEcho();
    const { client } = connectTo(urlOf(process), {
      meshSecret: "quite another secret than that of the mesh",
    });
    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("UNAUTHENTICATED");
    expect(reasonOf(await failureOf(collect(client.download({ value: "" }))))).toBe("UNAUTHENTICATED");
    expect(reasonOf(await failureOf(collect(client.chat(values("a")))))).toBe("UNAUTHENTICATED");
  });
});

describe("replicas", () => {
  const naming = (name: string) => ({ unary: async () => ({ value: name }) });

  test("calls go round those that serve", async () => {
    const { client } = connectTo(urlOf(await startEcho(naming("a")), await startEcho(naming("b"))));
    const seen = new Set<string>();
    await expect
      .poll(async () => seen.add((await client.unary({ value: "" })).value).size, { interval: 5 })
      .toBe(2);
  });

  test("one that comes and goes under load fails no call that may be made again", {
    timeout: 60_000,
  }, async () => {
    const first = await startEcho(naming("a"));
    const port = await freePort();
    const { client } = connectTo(`${urlOf(first)},127.0.0.1:${port}`);
    let calling = true;
    let calls = 0;
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (calling) {
          await client.unary({ value: "" });
          calls += 1;
        }
      }),
    );
    const served = (name: string) =>
      expect
        .poll(async () => (await client.unary({ value: "" })).value, { timeout: 10_000, interval: 1 })
        .toBe(name);
    for (let round = 0; round < 3; round++) {
      const second = await startEcho(naming("b"), { port });
      await served("b");
      await second.server.close();
      await served("a");
    }
    calling = false;
    await load;
    expect(calls).toBeGreaterThan(100);
  });

  test("nobody there is UNAVAILABLE, within patience", async () => {
    const { client } = connectTo(`grpc://127.0.0.1:${await freePort()}`);
    expect(reasonOf(await failureOf(client.unary({ value: "" })))).toBe("UNAVAILABLE");
    const cut = failureOf(client.unary({ value: "" }, { signal: AbortSignal.timeout(20) }));
    expect(reasonOf(await cut)).toBe("DEADLINE_EXCEEDED");
  });

  test("a call waits for a process that is about to serve", async () => {
    const port = await freePort();
    const { client } = connectTo(`grpc://127.0.0.1:${port}`);
    const answer = client.unary({ value: "early" });
    await startEcho({}, { port });
    expect((await answer).value).toBe("early");
  });

  test("names are looked up again, and replicas can be called one by one", async () => {
    const [a, b] = [await startEcho(naming("a")), await startEcho(naming("b"))];
    const addresses = { list: ["127.0.0.1"] };
    const { target } = connectTo(`grpc://echo.test:${a.port},other.test:${b.port}`, {
      resolve: async (host) =>
        host === "echo.test" ? addresses.list : host === "other.test" ? ["127.0.0.1"] : [],
      intervalMs: 10,
    });
    const replicas = target.replicas(EchoService);
    const ids = () => replicas.list().map(({ id }) => id);
    await expect.poll(ids).toEqual([`127.0.0.1:${a.port}`, `127.0.0.1:${b.port}`].sort());
    const changed = new Promise<void>((resolve) => replicas.onChange(resolve));
    addresses.list = [];
    await changed;
    expect(ids()).toEqual([`127.0.0.1:${b.port}`]);
  });
});
