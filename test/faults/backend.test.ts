import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { createApi, newClientId, roomOf, send, timelineOf } from "../conformance/api.ts";
import { connect } from "../conformance/realtime-client.ts";
import { startMesh } from "../mesh-stack.ts";

/**
 * The process with Message and Delivery hangs and dies under gateways that go on. What is answered is done once, in the
 * order asked; what is not, at most once; and who watches sees each event once, without a hole.
 */
test("a backend that hangs, wakes up, dies and is back", { timeout: 180_000 }, async () => {
  await using mesh = await startMesh();
  const [ada, bob] = await createApi(mesh.url).people(2);
  const roomId = await roomOf(ada!, bob!);
  const target = Number((await send(ada!, roomId, "target")).seq);
  const writer = await connect(mesh.url, ada!.accessToken);
  const watcher = await connect(mesh.url, bob!.accessToken);
  const backend = mesh.processes.get("backend")!;

  const posts = new Map<string, string>();
  let edits = 0;
  let asked = 0;
  let writing = true;
  const answers = () => writer.frames.filter(({ ref }) => /^[ped]\d/.test(ref ?? ""));
  const acked = () => answers().filter(({ ack }) => ack).length;

  async function write(): Promise<void> {
    while (writing) {
      if (asked - answers().length < 30) {
        const n = ++asked;
        if (n % 3 === 0) {
          writer.send({ ref: `e${n}`, edit: { roomId, seq: target, text: `edit ${++edits}` } });
        } else {
          posts.set(`p${n}`, newClientId());
          writer.send({ ref: `p${n}`, send: { roomId, clientId: posts.get(`p${n}`), text: `${n}` } });
        }
      }
      await pause(2);
    }
  }
  const more = async (count: number) => {
    const before = acked();
    await expect.poll(acked, { timeout: 40_000 }).toBeGreaterThan(before + count);
  };
  const gaveUp = () => mesh.output().split("message is silent").length - 1;

  const done = write();
  await more(100);
  process.kill(backend.pid, "SIGSTOP");
  await expect.poll(gaveUp, { timeout: 30_000 }).toBeGreaterThan(0);
  process.kill(backend.pid, "SIGCONT");
  await more(100);
  await backend.end("SIGKILL");
  await backend.start();
  await more(100);
  writing = false;
  await done;
  await expect.poll(() => answers().length, { timeout: 40_000 }).toBe(asked);

  const events = await timelineOf(ada!, roomId);
  for (const { ack, error } of answers())
    if (!ack) expect(error.message).toMatch("can't be written right now");
  const numbers = events.flatMap(({ messagePosted }) =>
    /^\d+$/.test(messagePosted?.text ?? "") ? [Number(messagePosted.text)] : [],
  );
  const posted = events.flatMap(({ messagePosted }) => (messagePosted ? [messagePosted.clientId] : []));
  expect(new Set(posted).size).toBe(posted.length);
  for (const { ref, ack } of answers()) {
    if (ack && posts.has(ref))
      expect(events[Number(ack.seq) - 1].messagePosted.clientId).toBe(posts.get(ref));
  }
  const edited = events.flatMap(({ messageEdited }) =>
    messageEdited ? [Number(messageEdited.text.slice("edit ".length))] : [],
  );
  // What was given up may still have been done late, after what was asked later.
  if (answers().every(({ ack }) => ack)) {
    expect(edited).toEqual(Array.from({ length: edits }, (_, i) => i + 1));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  } else {
    expect(new Set(edited).size).toBe(edited.length);
  }

  await watcher.untilSeq(roomId, events.length);
  const seen = watcher.events(roomId).map(({ seq }) => Number(seq));
  expect(seen).toEqual(seen.map((_, i) => Number(seen[0]) + i));
  for (const client of [writer, watcher]) client.drop();
});
