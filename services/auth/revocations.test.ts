import { describe, expect, onTestFinished, test } from "vitest";
import { idToBytes, newId } from "../common/ids.ts";
import { endSessions, insertSession } from "./db/queries-sessions.ts";
import { insertUser } from "./db/queries-users.ts";
import { createRevocations, type RevocationStep, type Revocations } from "./revocations.ts";
import { createFolder, createTestClock, logger, openAuthDatabase } from "./test-auth.ts";

const tokenLifetimeMs = 600_000;

/** Two replicas of Auth over one database. */
async function startReplicas() {
  const { kysely: db } = await openAuthDatabase(await createFolder());
  const clock = createTestClock();
  const create = () => createRevocations({ db, tokenLifetimeMs, clock, logger });
  const userId = idToBytes(newId());
  const user = { user_id: userId, username: "alice", display_name: "alice", external_id: null };
  await insertUser(db, { ...user, created_at: clock(), deleted_at: null }, []);

  /** Ends a session of its own at that time; answers what is to be announced. */
  async function end(at: number = clock()) {
    const sessionId = newId();
    const session_id = idToBytes(sessionId);
    const times = { created_at: at, last_used_at: at, expires_at: at + 1000 };
    const current_token_hash = new Uint8Array(32);
    await insertSession(db, { session_id, user_id: userId, device_name: "", ...times, current_token_hash });
    await endSessions(db, [session_id], { at, reason: "REVOKED" });
    return { sessionId, ends: [{ session_id, ended_at: at }] };
  }

  return { ours: create(), theirs: create(), clock, end };
}

/** A watcher that leaves when the test is over. */
function watch(revocations: Revocations): AsyncIterator<RevocationStep> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  return revocations.watch(leaving.signal)[Symbol.asyncIterator]();
}

/** Reads steps until `synced`, or the next one with revocations. */
async function take(steps: AsyncIterator<RevocationStep>, until: "synced" | "revocation"): Promise<string[]> {
  const sessionIds: string[] = [];
  for (;;) {
    const { value, done } = await steps.next();
    if (done) throw new Error("the stream has ended");
    sessionIds.push(...value.revocations.map((revocation: { sessionId: string }) => revocation.sessionId));
    if (until === "synced" ? value.synced : value.revocations.length > 0) return sessionIds;
  }
}

describe("a watcher", () => {
  test("hears first of every end within one token lifetime", async () => {
    const { ours, clock, end } = await startReplicas();
    await end(clock() - tokenLifetimeMs - 60_000);
    const recent = await end(clock() - tokenLifetimeMs + 60_000);
    const steps = watch(ours);
    expect(await take(steps, "synced")).toEqual([recent.sessionId]);
  });

  test("hears at once of what ends here", async () => {
    const { ours, end } = await startReplicas();
    const steps = watch(ours);
    await take(steps, "synced");
    const { sessionId, ends } = await end();
    ours.announce(ends);
    expect(await take(steps, "revocation")).toEqual([sessionId]);
  });

  test("hears of what ends elsewhere by polling, once, also when it was committed late", async () => {
    const { ours, theirs, clock, end } = await startReplicas();
    const steps = watch(ours);
    await take(steps, "synced");
    const first = await end();
    theirs.announce(first.ends);
    await ours.poll();
    expect(await take(steps, "revocation")).toEqual([first.sessionId]);
    clock.advance(6_000);
    await ours.poll();
    const late = await end(clock() - 5_000);
    await ours.poll();
    expect(await take(steps, "revocation")).toEqual([late.sessionId]);
  });

  test("misses nothing that ends while it begins", async () => {
    const { ours, end } = await startReplicas();
    const steps = watch(ours);
    const beginning = take(steps, "synced");
    const { sessionId, ends } = await end();
    ours.announce(ends);
    const heard = await beginning;
    if (!heard.includes(sessionId)) heard.push(...(await take(steps, "revocation")));
    expect(heard).toContain(sessionId);
  });

  test("that leaves while nothing happens is let go", async () => {
    const { ours } = await startReplicas();
    const leaving = new AbortController();
    const steps = ours.watch(leaving.signal)[Symbol.asyncIterator]();
    await take(steps, "synced");
    const last = steps.next();
    leaving.abort();
    expect((await last).done).toBe(true);
  });

  test("that falls behind is cut", async () => {
    const { ours } = await startReplicas();
    const steps = watch(ours);
    await take(steps, "synced");
    for (let turn = 0; turn < 1_001; turn++) {
      ours.announce([{ session_id: idToBytes(newId()), ended_at: Date.now() }]);
    }
    await expect(take(steps, "revocation")).rejects.toThrow(/fell behind/);
  });
});
