// biome-ignore lint/style/noRestrictedImports: a commit that fails needs triggers
import { sql } from "kysely";
import { expect, test } from "vitest";
import { testServer } from "../common/database/test-place.ts";
import { newId } from "../common/ids.ts";
import { brief, dump, openTestRoom, roomChange } from "./test-database.ts";
import { eventKind, type Op } from "./types.ts";

// Only there a procedure remembers rooms from one batch to the next.
test.runIf(testServer === undefined)("what was not committed is not believed", async () => {
  const { database, append, roomId, ada, bob } = await openTestRoom();
  await append(["send", roomId, ada, "c1", "text", 0], ["send", roomId, bob, "c1", "text", 0]);
  // What a trigger puts in is refused at the commit, when the procedure has long returned.
  await sql`create table refused_at_commit (room_no integer references room deferrable initially deferred)`.execute(
    database.kysely,
  );
  await sql`create trigger refuse_later after insert on event when new.text = 'refused'
    begin insert into refused_at_commit values (-1); end`.execute(database.kysely);
  await sql`create trigger refuse_later_too after insert on feed_due
    begin insert into refused_at_commit values (-1); end`.execute(database.kysely);
  const before = await dump(database);
  const stranger = newId();
  const failing: Op[][] = [
    [["send", roomId, ada, "c2", "refused", 0]],
    [
      ["apply", roomId, [roomChange(3, { userId: stranger })]],
      ["send", roomId, stranger, "c1", "refused", 0],
    ],
    [
      ["apply", roomId, [roomChange(3, { userId: bob, kind: eventKind.memberLeft })]],
      ["send", roomId, ada, "c2", "refused", 0],
    ],
    [["markRead", roomId, bob, 3]],
  ];
  for (const ops of failing) {
    await expect(append(...ops)).rejects.toThrow("FOREIGN KEY");
    expect(await dump(database)).toEqual(before);
    expect(brief(await append(["send", roomId, stranger, "c1", "text", 0]))).toEqual([
      ["refused", "NOT_MEMBER"],
    ]);
    const [bobs] = await append(["markRead", roomId, bob, 0]);
    expect(bobs).toEqual(["read", 2, 1, false]);
  }
  const results = await append(
    ["send", roomId, ada, "c2", "text", 0],
    ["apply", roomId, [roomChange(3, { userId: stranger })]],
    ["send", roomId, stranger, "c1", "text", 0],
  );
  expect(brief(results)).toEqual([
    ["done", 5],
    ["applied", 3],
    ["done", 7],
  ]);
});
