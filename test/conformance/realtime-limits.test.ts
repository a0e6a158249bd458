import { beforeAll, describe, type ExpectStatic, expect, test } from "vitest";
import { type Stack, topologies } from "../stack.ts";
import { createApi, type Person, reasonOf, roomOf } from "./api.ts";
import { connect, openSocket, type Subprotocol } from "./realtime-client.ts";
import {
  allCases,
  createRealtimeWorld,
  failed,
  from,
  message,
  realtimeCases,
  seqs,
} from "./realtime-world.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

const subprotocols: readonly Subprotocol[] = ["parley.v1.json", "parley.v1.proto"];

describe.each(realtimeCases)("realtime, limits: $name, $way", (variant) => {
  const { subprotocol } = variant;
  const world = createRealtimeWorld(variant);
  const { online } = world;
  let ada: Person;
  let bob: Person;
  beforeAll(() => {
    [ada, bob] = world.people;
  });

  test("what is no frame", async () => {
    const wrongOpcode = await online(ada);
    wrongOpcode.sendRaw(subprotocol === "parley.v1.json" ? new Uint8Array([1, 2]) : "{}");
    expect((await wrongOpcode.kind("goodbye")).goodbye.code).toBe(4005);
    expect((await wrongOpcode.closed).code).toBe(4005);
    const garbage = await online(ada);
    garbage.sendRaw(subprotocol === "parley.v1.json" ? "{nonsense" : new Uint8Array([0xff, 0xff, 0xff]));
    expect((await garbage.closed).code).toBe(4005);
    const large = await online(ada);
    const bytes = 128 * 1024 + 1;
    large.sendRaw(
      subprotocol === "parley.v1.json" ? `{"ref":"${"x".repeat(bytes)}"}` : new Uint8Array(bytes),
    );
    expect((await large.closed).code).toBe(1009);
  });

  test("what is JSON but no frame is answered, and too many of it end the connection", async () => {
    if (subprotocol !== "parley.v1.json") return;
    const client = await online(ada);
    for (const raw of ["[]", "1", "null", '"x"']) {
      client.sendRaw(raw);
      const { error } = await client.next((frame) => frame.error && frame.ref === undefined);
      expect(reasonOf(error)).toBe("INVALID_ARGUMENT");
    }
    client.sendRaw('{"ref":"k","unknownKind":{}}');
    expect(failed(await client.next((frame) => frame.ref === "k"))).toBe("INVALID_ARGUMENT");
    client.sendRaw('{"ref":"w","send":{"roomId":5}}');
    expect(failed(await client.next((frame) => frame.ref === "w"))).toBe("INVALID_ARGUMENT");
    client.sendRaw('{"ref":"s","send":{"roomId":"x","clientId":"c","text":"\\ud800"}}');
    expect(failed(await client.next((frame) => frame.ref === "s"))).toBe("INVALID_ARGUMENT");
    expect((await client.request({ ping: {} })).pong).toEqual({});
    for (let i = 0; i < 1000; i++) client.sendRaw("[]");
    expect((await client.kind("goodbye")).goodbye.code).toBe(4006);
    expect((await client.closed).code).toBe(4006);
  });

  test("10,000 frames without reading an answer cost no memory and lose nothing", async () => {
    const room = await roomOf(ada);
    const client = await online(ada);
    client.pause();
    const count = 10_000;
    for (let i = 0; i < count; i++) client.send({ ref: `f${i}`, ...message(room, "x".repeat(100)) });
    await (await online(bob)).request({ ping: {} });
    client.resume();
    await client.next((frame) => frame.ref === `f${count - 1}` && frame.ack, "the last ack");
    await client.untilSeq(room, count + 1);
    expect(seqs(client, room)).toEqual(from(2, count + 1));
  });
});

describe.each(allCases)("realtime, slow readers: $name, $way", (variant) => {
  const world = createRealtimeWorld(variant);

  test("a reader that stops is brought up from the log when it reads again", async () => {
    const [ada, bob] = world.people;
    const room = await roomOf(ada, bob);
    const [writer, reader] = await Promise.all([world.writer(ada), world.online(bob)]);
    reader.pause();
    const text = "x".repeat(4000);
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 100 }, () => writer.request(message(room, text))));
    }
    reader.resume();
    await reader.untilSeq(room, 2002);
    expect(seqs(reader, room)).toEqual(from(3, 2002));
  });
});

// They only wait, so all of them at once.
describe.concurrent.each(topologies)("waits: $name", { timeout: 60_000 }, ({ start }) => {
  test("a silent client is closed, one that answers pings is not", async ({ expect }) => {
    await using stack = await start({ env: { PARLEY_HEARTBEAT_INTERVAL: "1s" } });
    await Promise.all(subprotocols.map((subprotocol) => heartbeats(stack, subprotocol, expect)));
  });
});

describe.concurrent.each(sharedTopologies)("waits of any: $name", { timeout: 60_000 }, (topology) => {
  test("a hello that does not come is waited for 10 s", async () => {
    const { url } = await sharedStack(topology);
    await Promise.all(subprotocols.map((subprotocol) => noHello(url, subprotocol)));
  });
});

/** By the test's own `expect`, which polls beside other tests. */
async function heartbeats({ url }: Stack, subprotocol: Subprotocol, expect: ExpectStatic): Promise<void> {
  const [ada, bob] = (await createApi(url).people(2)) as [Person, Person];
  const alive = await connect(url, ada.accessToken, { subprotocol });
  const silent = await connect(url, bob.accessToken, { subprotocol });
  silent.pause();
  const since = Date.now();
  // Two intervals, and one until the first ping.
  const elapsed = () => alive.request({ ping: {} }).then(() => Date.now() - since);
  await expect.poll(elapsed, { timeout: 8000, interval: 100 }).toBeGreaterThan(4000);
  silent.resume();
  expect((await silent.kind("goodbye")).goodbye.code).toBe(4007);
  expect((await silent.closed).code).toBe(4007);
  for (const client of [alive, silent]) client.drop();
}

async function noHello(url: string, subprotocol: Subprotocol): Promise<void> {
  const client = await openSocket(url, subprotocol);
  const since = performance.now();
  expect((await client.closed).code).toBe(4001);
  expect((await client.kind("goodbye")).goodbye).toMatchObject({ code: 4001, resumable: true });
  expect(performance.now() - since).toBeGreaterThan(9000);
}
