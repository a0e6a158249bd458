import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Api,
  badFields,
  newClientId,
  ok,
  openApi,
  type Person,
  refused,
  roomOf,
  timelineOf,
} from "./api.ts";
import { settings } from "./settings.ts";

describe.each(settings)("invitations: $name", ({ running, surface }) => {
  let api: Api;
  let ada: Person;
  let bob: Person;
  let eve: Person;

  beforeAll(async () => {
    api = await openApi(await running(), surface);
    [ada, bob, eve] = (await api.people(3)) as [Person, Person, Person];
  });
  afterAll(() => api.close());

  const invite = (room: string, body: object = {}, by = ada) =>
    by.post(`/v1/rooms/${room}/invitations`, body);
  const accept = (person: Person, code: string) => person.post("/v1/invitations:accept", { code });
  const acceptById = (person: Person, invitationId: string) =>
    person.post("/v1/invitations:accept", { invitationId });
  const list = async (room: string, by = ada) =>
    (await ok(by.get(`/v1/rooms/${room}/invitations`))).invitations;

  test("a code lets people in and counts them", async () => {
    const room = await roomOf(ada);
    const { invitation, code } = await ok(invite(room));
    expect(invitation).toEqual({
      invitationId: expect.any(String),
      createdBy: ada.userId,
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
      uses: 0,
    });
    const days = (Date.parse(invitation.expiresAt) - Date.parse(invitation.createdAt)) / 86_400_000;
    expect(days).toBe(7);
    const joined = await ok(accept(bob, code));
    expect(joined.room).toMatchObject({ roomId: room, myRole: "ROLE_MEMBER", memberCount: 2 });
    expect((await ok(accept(bob, code))).room.memberCount).toBe(2);
    expect(await list(room)).toEqual([{ ...invitation, uses: 1 }]);
    const events = await timelineOf(bob, room);
    expect(events.at(-1)).toMatchObject({
      actorId: bob.userId,
      memberJoined: { userId: bob.userId, role: "ROLE_MEMBER" },
    });
    expect(events).toHaveLength(2);
  });

  test("unusable codes answer alike", async () => {
    const room = await roomOf(ada, bob);
    const used = await ok(invite(room, { maxUses: 1 }));
    await ok(accept(eve, used.code));
    const revoked = await ok(invite(room));
    await ok(ada.delete(`/v1/rooms/${room}/invitations/${revoked.invitation.invitationId}`));
    const named = await ok(invite(room, { userId: eve.userId }));
    const stranger = await api.register();
    const answers = await Promise.all([
      refused(accept(stranger, used.code), 404, "INVITATION_NOT_FOUND"),
      refused(accept(stranger, revoked.code), 404, "INVITATION_NOT_FOUND"),
      refused(accept(stranger, "nothing"), 404, "INVITATION_NOT_FOUND"),
      refused(accept(stranger, "x".repeat(200)), 404, "INVITATION_NOT_FOUND"),
      refused(acceptById(stranger, named.invitation.invitationId), 404, "INVITATION_NOT_FOUND"),
      refused(acceptById(stranger, randomUUID()), 404, "INVITATION_NOT_FOUND"),
      refused(acceptById(stranger, "nonsense"), 404, "INVITATION_NOT_FOUND"),
    ]);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await ok(accept(eve, revoked.code))).room.roomId).toBe(room);
    expect(await badFields(accept(stranger, ""))).toEqual(["code"]);
    expect(await badFields(accept(stranger, "x".repeat(201)))).toEqual(["code"]);
    expect(await badFields(stranger.post("/v1/invitations:accept", {}))).toHaveLength(1);
    expect(
      await badFields(stranger.post("/v1/invitations:accept", { code: "a", invitationId: "b" })),
    ).toHaveLength(1);
  });

  test("an expired one lets nobody in and is no longer listed", async () => {
    const room = await roomOf(ada);
    const { code } = await ok(invite(room, { expiresIn: "1s" }));
    await expect.poll(() => list(room), { timeout: 5000 }).toEqual([]);
    await refused(accept(bob, code), 404, "INVITATION_NOT_FOUND");
  });

  test("removal bars from invitations made before it, and from no later one", async () => {
    const room = await roomOf(ada, bob);
    const before = await ok(invite(room));
    await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`));
    await refused(accept(bob, before.code), 404, "INVITATION_NOT_FOUND");
    await ok(accept(eve, before.code));
    const after = await ok(invite(room));
    await ok(accept(bob, after.code));
  });

  test("a named one stands in that person's feed, has no code and no event", async () => {
    const room = await roomOf(ada);
    const events = (await timelineOf(ada, room)).length;
    const { invitation, code } = await ok(invite(room, { userId: bob.userId }));
    expect(code).toBe("");
    expect(invitation.userId).toBe(bob.userId);
    const feed = await ok(bob.get("/v1/feed?pageSize=200"));
    expect(feed.entries.at(-1)).toMatchObject({
      invited: { roomId: room, invitationId: invitation.invitationId },
    });
    expect(await timelineOf(ada, room)).toHaveLength(events);
    await ok(acceptById(bob, invitation.invitationId));
    await refused(invite(room, { userId: randomUUID() }), 404, "USER_NOT_FOUND");
  });

  test("for admins and owners alone", async () => {
    const room = await roomOf(ada, bob);
    await refused(invite(room, {}, bob), 403, "ROLE_TOO_LOW");
    await refused(bob.get(`/v1/rooms/${room}/invitations`), 403, "ROLE_TOO_LOW");
    const { invitation } = await ok(invite(room));
    await refused(
      bob.delete(`/v1/rooms/${room}/invitations/${invitation.invitationId}`),
      403,
      "ROLE_TOO_LOW",
    );
    await ok(ada.patch(`/v1/rooms/${room}/members/${bob.userId}`, { role: "ROLE_ADMIN" }));
    await ok(invite(room, {}, bob));
    expect(await list(room, bob)).toHaveLength(2);
    const revoke = () => bob.delete(`/v1/rooms/${room}/invitations/${invitation.invitationId}`);
    expect(await ok(revoke())).toEqual({});
    expect(await ok(revoke())).toEqual({});
    expect(await list(room)).toHaveLength(1);
  });

  test("a client id makes one invitation and answers a new code in place of the lost one", async () => {
    const room = await roomOf(ada);
    const body = { clientId: newClientId(), maxUses: 3 };
    const first = await ok(invite(room, body));
    const second = await ok(invite(room, body));
    expect(second.invitation).toEqual(first.invitation);
    expect(second.code).not.toBe(first.code);
    await refused(accept(bob, first.code), 404, "INVITATION_NOT_FOUND");
    await ok(accept(bob, second.code));
    await refused(invite(room, { ...body, maxUses: 4 }), 409, "CLIENT_ID_REUSED");
  });

  test("bounds", async () => {
    const room = await roomOf(ada);
    const bad = { maxUses: 0, expiresIn: "0.5s", clientId: "" };
    expect(await badFields(invite(room, bad))).toEqual(["client_id", "expires_in", "max_uses"]);
    expect(await badFields(invite(room, { maxUses: 10_001, expiresIn: "2592001s" }))).toEqual([
      "expires_in",
      "max_uses",
    ]);
    expect(await badFields(invite(room, { expiresIn: "soon" }))).toEqual(["expires_in"]);
    await ok(invite(room, { maxUses: 10_000, expiresIn: "2592000s" }));
  });
});
