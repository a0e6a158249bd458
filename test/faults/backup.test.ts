import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createApi, newClientId, ok, type Person, roomOf, send, timelineOf } from "../conformance/api.ts";
import { connect } from "../conformance/realtime-client.ts";
import { type Stack, startOneProcess } from "../stack.ts";
import { runParley } from "./parley-command.ts";

/** Dozens of processes are started one after the other. */
vi.setConfig({ testTimeout: 300_000 });

const senders = 40;

/** A folder of the test's own, removed after it. */
function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-backup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function parley(folder: string, ...args: string[]): Promise<string> {
  const { code, output } = await runParley(folder, args);
  expect(code, output).toBe(0);
  return output;
}

async function refusal(folder: string, ...args: string[]): Promise<string> {
  const { code, output } = await runParley(folder, args);
  expect(code, output).toBe(1);
  return output;
}

const startOn = (folder: string): Promise<Stack> =>
  startOneProcess({ env: { PARLEY_DATABASE_URL: `sqlite:${folder}` } });

/** The same person, where the data went. */
async function signIn(stack: Stack, person: Person): Promise<Person> {
  return createApi(stack.url).login(person);
}

/** The name that the room's timeline knows, which is what Room says once everything is handed over. */
async function nameInTimeline(person: Person, room: string): Promise<string | undefined> {
  return (await timelineOf(person, room)).findLast((event) => event.roomUpdated)?.roomUpdated.name;
}

async function rename(person: Person, room: string, name: string): Promise<void> {
  await ok(person.patch(`/v1/rooms/${room}`, { name }));
}

describe("a backup", () => {
  test("of a busy Parley has all that was acknowledged before it", async () => {
    await using stack = await startOneProcess();
    const api = createApi(stack.url);
    const [ada, ...others] = (await api.people(5)) as [Person, ...Person[]];
    const rooms = await Promise.all([1, 2, 3].map(() => roomOf(ada, ...others)));
    const sent: { room: string; seq: number; clientId: string }[] = [];
    let isOver = false;
    const loops = Array.from({ length: senders }, async (_, i) => {
      const author = others[i % others.length] as Person;
      const client = await connect(stack.socketUrl, author.accessToken);
      while (!isOver) {
        const room = rooms[i % rooms.length] as string;
        const clientId = newClientId();
        const frame = { send: { roomId: room, clientId, text: "x".repeat(4000) } };
        const answer = await client.request(frame).catch(() => undefined);
        if (!answer?.ack) return;
        sent.push({ room, clientId, seq: Number(answer.ack.seq) });
      }
    });
    const renames = rooms.map(async (room) => {
      for (let n = 0; !isOver; n++) await ada.patch(`/v1/rooms/${room}`, { name: `n${n}` }).catch(() => {});
    });
    const watcher = await connect(stack.socketUrl, ada.accessToken);
    const { epoch } = watcher.frames[0].ready;
    // Enough that copying takes several steps, between which others commit.
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBeGreaterThan(2500);
    const before = [...sent];
    const target = join(testFolder(), "copy");
    const output = await parley(stack.folder, "backup", target);
    expect(output).toContain("message.db: ");
    expect(output).toContain(`The backup is in ${target}.`);
    const after = sent.length;
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBeGreaterThan(after + 200);
    await stack.kill();
    isOver = true;
    await Promise.all([...loops, ...renames]);

    const folder = join(testFolder(), "data");
    expect(await parley(folder, "restore", target)).toContain("a new epoch begins");
    await using restored = await startOn(folder);
    const again = await signIn(restored, ada);
    for (const room of rooms) {
      const events = await timelineOf(again, room);
      expect(events.map((event) => Number(event.seq))).toEqual(events.map((_, i) => i + 1));
      for (const { seq, clientId } of before.filter((each) => each.room === room))
        expect(events[seq - 1].messagePosted.clientId).toBe(clientId);
      const { room: known } = await ok(again.get(`/v1/rooms/${room}`));
      await expect.poll(() => nameInTimeline(again, room), { timeout: 20_000 }).toBe(known.name);
    }

    // Cursors of the life that was lost mean nothing, those of the new one are good.
    const seqs = rooms.map((roomId) => ({ roomId, afterSeq: "1" }));
    const lost = await connect(restored.url, ada.accessToken, {
      hello: { rooms: seqs, feedAfterSeq: "0", epoch },
    });
    expect(lost.frames[0].ready.epoch).not.toBe(epoch);
    for (const roomId of rooms)
      expect((await lost.next((frame) => frame.gap?.roomId === roomId)).gap.reset).toBe(true);
    expect((await lost.next((frame) => frame.gap?.feed)).gap.reset).toBe(true);
    const room = rooms[0] as string;
    const { seq } = await send(again, room, "life goes on");
    await lost.untilSeq(room, Number(seq));
  });

  test("is complete, the owner's alone, and never written over", async () => {
    await using stack = await startOneProcess();
    const ada = await createApi(stack.url).register();
    const parent = testFolder();
    const target = join(parent, "deep/copy");
    expect(await parley(stack.folder, "backup", target)).toContain("key-encryption.secret: copied");
    const files = ["auth.db", "backup.json", "key-encryption.secret", "message.db", "room.db"];
    expect(readdirSync(target).sort()).toEqual(files);
    for (const file of [".", ...files]) expect(statSync(join(target, file)).mode & 0o077, file).toBe(0);
    expect(await refusal(stack.folder, "backup", target)).toContain("is not empty");
    expect(await refusal(join(parent, "none"), "backup", join(parent, "other"))).toContain("are missing");
    expect(readdirSync(join(parent, "deep"))).toEqual(["copy"]);
    await ok(ada.get("/v1/users/me"));
  });
});

describe("a restore", () => {
  test("refuses a running Parley, data that is there, and a damaged backup", async () => {
    await using stack = await startOneProcess();
    const api = createApi(stack.url);
    const ada = await api.register();
    const room = await roomOf(ada);
    await send(ada, room, "in the backup");
    const target = join(testFolder(), "copy");
    await parley(stack.folder, "backup", target);
    await send(ada, room, "after it");
    const running = await refusal(stack.folder, "restore", "--replace", target);
    expect(running).toContain(`in use by process ${stack.pid}`);
    // Killed, so that a write-ahead log stays, which must not be taken for the restored database's.
    await stack.kill();
    expect(await refusal(stack.folder, "restore", target)).toContain("--replace");
    const damaged = join(testFolder(), "damaged");
    mkdirSync(damaged);
    for (const file of readdirSync(target)) copyFileSync(join(target, file), join(damaged, file));
    writeFileSync(join(damaged, "room.db"), "SQLite format 3\0");
    expect(await refusal(stack.folder, "restore", "--replace", damaged)).toContain("room.db is not what was");
    rmSync(join(damaged, "backup.json"));
    expect(await refusal(stack.folder, "restore", "--replace", damaged)).toContain("is no backup");
    await stack.start();
    expect((await timelineOf(ada, room)).at(-1).messagePosted.text).toBe("after it");
    await stack.kill();

    expect(await parley(stack.folder, "restore", "--replace", target)).toContain("What was there before");
    await stack.start();
    expect((await timelineOf(ada, room)).at(-1).messagePosted.text).toBe("in the backup");
    // What was replaced is whole.
    await stack.terminate();
    const aside = readdirSync(stack.folder).find((name) => name.startsWith("replaced-")) as string;
    await using former = await startOn(join(stack.folder, aside));
    const events = await timelineOf(await signIn(former, ada), room);
    expect(events.at(-1).messagePosted.text).toBe("after it");
  });

  test("killed at any time leaves what was there, what comes, or what nobody serves", async () => {
    await using stack = await startOneProcess();
    const ada = await createApi(stack.url).register();
    const room = await roomOf(ada);
    const target = join(testFolder(), "copy");
    await parley(stack.folder, "backup", target);
    await send(ada, room, "after the backup");
    await stack.terminate();
    const startedAt = performance.now();
    await parley(join(testFolder(), "timed"), "restore", target);
    const whole = performance.now() - startedAt;
    for (const part of [0.6, 0.8, 0.9]) {
      const { code } = await runParley(
        stack.folder,
        ["restore", "--replace", target],
        AbortSignal.timeout(Math.round(whole * part)),
      );
      const doctor = await runParley(stack.folder, ["doctor"]);
      if (doctor.output.includes("a restore was interrupted")) {
        expect(code).not.toBe(0);
        expect(await refusal(stack.folder, "keys", "list")).toContain("run `parley restore` again");
        await parley(stack.folder, "restore", target);
      }
      await stack.start();
      const { length } = await timelineOf(ada, room);
      expect(length).toBeGreaterThanOrEqual(1);
      if (code === 0) expect(length).toBe(1);
      if (length === 1) await send(ada, room, "after the restore");
      await stack.terminate();
    }
  });

  test("hands over what the older copy of Message lacks, and refuses what can't be one history", async () => {
    await using stack = await startOneProcess();
    const api = createApi(stack.url);
    const [ada, bob] = (await api.people(2)) as [Person, Person];
    const room = await roomOf(ada);
    const copies = testFolder();
    await parley(stack.folder, "backup", join(copies, "early"));
    await rename(ada, room, "later");
    const newRoom = await roomOf(bob, ada);
    await stack.terminate();
    await parley(stack.folder, "backup", join(copies, "late"));
    const mixture = (name: string, from: Record<string, string>) => {
      const folder = join(copies, name);
      mkdirSync(folder);
      copyFileSync(join(copies, "late/key-encryption.secret"), join(folder, "key-encryption.secret"));
      for (const [file, source] of Object.entries(from)) copyFileSync(join(source, file), join(folder, file));
      return folder;
    };
    const [early, late] = [join(copies, "early"), join(copies, "late")];

    const behind = mixture("behind", { "message.db": early, "room.db": late, "auth.db": late });
    expect(await parley(behind, "restore", "--in-place")).toContain("Changes of 2 rooms are handed over");
    await using restored = await startOn(behind);
    const again = await signIn(restored, ada);
    for (const each of [room, newRoom])
      await expect
        .poll(async () => (await again.get(`/v1/rooms/${each}/timeline?afterSeq=0`)).status, {
          timeout: 20_000,
        })
        .toBe(200);
    await expect.poll(() => nameInTimeline(again, room), { timeout: 20_000 }).toBe("later");
    await send(await signIn(restored, bob), newRoom, "here");

    const ahead = mixture("ahead", { "message.db": late, "room.db": early, "auth.db": late });
    expect(await refusal(ahead, "restore", "--in-place")).toMatch(
      /has a room that room.db lacks|is newer than/,
    );
    const forked = mixture("forked", { "message.db": early, "room.db": early, "auth.db": early });
    await using other = await startOn(forked);
    await rename(await signIn(other, ada), room, "elsewhere");
    await other.terminate();
    const strange = mixture("strange", { "message.db": forked, "room.db": late, "auth.db": late });
    expect(await refusal(strange, "restore", "--in-place")).toContain("is not the same change in both");
  });
});
