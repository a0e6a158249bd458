import { expect, test } from "vitest";
import { newId } from "../common/ids.ts";
import { findInvitation, insertInvitation } from "./db/invitations.ts";
import { createInvitationExpiry } from "./invitation-expiry.ts";
import { openRoomDatabase } from "./test-database.ts";

test("what is past its time is ended, however many there are, and nothing else", async () => {
  const database = await openRoomDatabase();
  const roomId = newId();
  const ids: string[] = [];
  await database.kysely.transaction().execute(async (db) => {
    for (let ordinal = 1; ordinal <= 600; ordinal++) {
      const invitationId = newId();
      ids.push(invitationId);
      await insertInvitation(db, {
        invitationId,
        roomId,
        ordinal,
        creatorId: newId(),
        createdAt: 0,
        expiresAt: ordinal,
        maxUses: undefined,
        uses: 0,
        userId: newId(),
        codeHash: undefined,
        client: undefined,
      });
    }
  });
  const expiry = createInvitationExpiry({ database, clock: () => 599 });
  await expiry.sweep(new AbortController().signal);
  const found = await Promise.all(ids.map((id) => findInvitation(database.kysely, id)));
  expect(found.map((invitation) => invitation?.ended)).toEqual(ids.map((_, index) => index < 599));
});
