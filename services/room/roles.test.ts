import { expect, test } from "vitest";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { mayDeleteRoom, mayInvite, mayRemove, maySetRole, mayUpdateRoom } from "./roles.ts";

const roles = [Role.MEMBER, Role.MODERATOR, Role.ADMIN, Role.OWNER];

test("admins and owners rename and invite, owners delete", () => {
  expect(roles.filter(mayUpdateRoom)).toEqual([Role.ADMIN, Role.OWNER]);
  expect(roles.filter(mayInvite)).toEqual([Role.ADMIN, Role.OWNER]);
  expect(roles.filter(mayDeleteRoom)).toEqual([Role.OWNER]);
});

test("people are removed by those above them, owners by owners", () => {
  const removable = (actor: Role) => roles.filter((target) => mayRemove(actor, target));
  expect(removable(Role.MEMBER)).toEqual([]);
  expect(removable(Role.MODERATOR)).toEqual([Role.MEMBER]);
  expect(removable(Role.ADMIN)).toEqual([Role.MEMBER, Role.MODERATOR]);
  expect(removable(Role.OWNER)).toEqual(roles);
});

test("admins give roles below their own to people below them, owners any to anyone", () => {
  const settable = (actor: Role) =>
    roles.map((target) => roles.filter((role) => maySetRole(actor, target, role)));
  expect(settable(Role.MEMBER).flat()).toEqual([]);
  expect(settable(Role.MODERATOR).flat()).toEqual([]);
  const belowAdmin = [Role.MEMBER, Role.MODERATOR];
  expect(settable(Role.ADMIN)).toEqual([belowAdmin, belowAdmin, [], []]);
  expect(settable(Role.OWNER)).toEqual([roles, roles, roles, roles]);
});
