import { describe, expect, test } from "vitest";
import { createApi, type Person, roomOf, timelineOf } from "../conformance/api.ts";
import { connect, type RealtimeClient } from "../conformance/realtime-client.ts";
import { from, message, seqs, streamWays } from "../conformance/realtime-world.ts";
import { topologies } from "../stack.ts";

const cases = topologies.flatMap((topology) => streamWays.map((way) => ({ ...topology, ...way })));

/** Posts until the connection breaks. */
async function post(writer: RealtimeClient, room: string): Promise<void> {
  for (;;) {
    const answer = await writer.request(message(room, "m")).catch(() => undefined);
    if (!answer?.ack) return;
  }
}

describe.each(cases)("streams and the process's end: $name, $way", ({ start, connect: subscribe }) => {
  test("killed, it goes on from the cursor without hole or repeat; stopped, it says goodbye", {
    timeout: 120_000,
  }, async () => {
    await using stack = await start();
    const [ada, bob] = (await createApi(stack.url).people(2)) as [Person, Person];
    const room = await roomOf(ada, bob);
    const before = await subscribe(stack, bob.accessToken);
    const writers = await Promise.all([1, 2, 3].map(() => connect(stack.socketUrl, ada.accessToken)));
    const posting = writers.map((writer) => post(writer, room));
    await before.untilSeq(room, 60);
    await stack.kill();
    await Promise.all(posting);
    expect((await before.closed).code).toBe(1006);
    const last = seqs(before, room).at(-1) as number;
    expect(seqs(before, room)).toEqual(from(3, last));

    await stack.start();
    const after = await subscribe(stack, bob.accessToken, {
      rooms: [{ roomId: room, afterSeq: String(last) }],
      epoch: before.frames[0].ready.epoch,
    });
    await after.next((frame) => frame.caughtUp?.roomId === room);
    const head = (await timelineOf(bob, room)).length;
    expect(seqs(after, room)).toEqual(from(last + 1, head));
    expect(after.frames.some((frame) => frame.gap)).toBe(false);

    const code = stack.terminate();
    expect((await after.kind("goodbye")).goodbye).toMatchObject({
      code: 4000,
      reason: "SHUTTING_DOWN",
      resumable: true,
    });
    const since = performance.now();
    expect((await after.closed).code).toBe(4000);
    expect(await code).toBe(0);
    expect(performance.now() - since).toBeLessThan(3000);
  });
});
