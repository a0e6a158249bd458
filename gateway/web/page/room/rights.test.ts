import { expect, test } from "vitest";
import { type Member, Role } from "../../../../client/index.ts";

import { grantable, mayDeleteMessage, mayRemove } from "./rights.ts";

const { OWNER: owner, ADMIN: admin, MODERATOR: moderator, MEMBER: member } = Role;
const withRole = (role: Role) => ({ userId: "them", role }) as Member;

test("owners give any role to anyone, admins those below their own to people below them", () => {
  expect(grantable(owner, withRole(owner))).toEqual([owner, admin, moderator, member]);
  expect(grantable(admin, withRole(member))).toEqual([moderator, member]);
  expect(grantable(admin, withRole(admin))).toEqual([]);
  expect(grantable(moderator, withRole(member))).toEqual([]);
});

test("one removes people below oneself", () => {
  expect(mayRemove(owner, withRole(owner))).toBe(true);
  expect(mayRemove(moderator, withRole(member))).toBe(true);
  expect(mayRemove(moderator, withRole(moderator))).toBe(false);
  expect(mayRemove(member, withRole(member))).toBe(false);
});

test("one deletes one's own messages, and moderators those of people below them", () => {
  const of = (authorId: string) =>
    ({ authorId, mine: authorId === "me", deleted: false }) as Parameters<typeof mayDeleteMessage>[1];
  expect(mayDeleteMessage(member, of("me"), [])).toBe(true);
  expect(mayDeleteMessage(member, of("them"), [])).toBe(false);
  expect(mayDeleteMessage(moderator, of("them"), [withRole(owner)])).toBe(false);
  expect(mayDeleteMessage(moderator, of("them"), [withRole(member)])).toBe(true);
  expect(mayDeleteMessage(owner, { ...of("me"), deleted: true }, [])).toBe(false);
});
