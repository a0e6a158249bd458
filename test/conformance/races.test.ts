import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningStack } from "../stack.ts";
import { type Api, newClientId, ok, openApi, type Person, roomOf, send, timelineOf } from "./api.ts";
import type { Answer } from "./clients/answer.ts";
import { connect } from "./realtime-client.ts";
import { settings } from "./settings.ts";

/** Two at the edge of a rule at once: whatever the order, the rule holds and everybody sees the same. */
describe.each(settings)("races: $name", ({ running, surface }) => {
  let stack: RunningStack;
  let api: Api;
  let people: Person[];

  beforeAll(async () => {
    stack = await running();
    api = await openApi(stack, surface);
    people = await api.people(12);
  });
  afterAll(() => api.close());

  const statuses = (answers: Answer[]) => answers.map((answer) => answer.status).sort();

  test("the last use of an invitation lets one in", async () => {
    const [ada, ...others] = people as [Person, ...Person[]];
    const room = await roomOf(ada);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`, { maxUses: 1 }));
    const answers = await Promise.all(
      others.map((person) => person.post("/v1/invitations:accept", { code })),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect((await ok(ada.get(`/v1/rooms/${room}`))).room.memberCount).toBe(2);
  });

  test("two owners who demote each other leave one", async () => {
    const [ada, bob] = people as [Person, Person];
    for (let i = 0; i < 5; i++) {
      const room = await roomOf(ada, bob);
      const set = (actor: Person, who: Person, role: string) =>
        actor.patch(`/v1/rooms/${room}/members/${who.userId}`, { role });
      await ok(set(ada, bob, "ROLE_OWNER"));
      const answers = await Promise.all([set(ada, bob, "ROLE_MEMBER"), set(bob, ada, "ROLE_MEMBER")]);
      expect(statuses(answers)).toEqual([200, 403]);
      const { members } = await ok(ada.get(`/v1/rooms/${room}/members`));
      expect(members.filter((member: { role: string }) => member.role === "ROLE_OWNER")).toHaveLength(1);
    }
  });

  test("two last owners who leave at once: one stays or the room is gone", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    await ok(ada.patch(`/v1/rooms/${room}/members/${bob.userId}`, { role: "ROLE_OWNER" }));
    const answers = await Promise.all([ada, bob].map((person) => person.post(`/v1/rooms/${room}:leave`)));
    expect(statuses(answers)).toEqual([200, 200]);
    expect((await ada.get(`/v1/rooms/${room}`)).status).toBe(404);
  });

  test("no post of a removed person follows the removal", async () => {
    const [ada, bob] = people as [Person, Person];
    for (let round = 0; round < 5; round++) {
      const room = await roomOf(ada, bob);
      const client = await connect(stack.socketUrl, bob.accessToken);
      const sends = Array.from({ length: 100 }, (_, i) =>
        client.request({ send: { roomId: room, clientId: newClientId(), text: `m${i}` } }),
      );
      await sends[0];
      await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`));
      const late = await bob.post(`/v1/rooms/${room}/messages`, { clientId: newClientId(), text: "late" });
      expect(late.status).toBe(404);
      const acks = (await Promise.all(sends)).flatMap((frame) => (frame.ack ? [Number(frame.ack.seq)] : []));
      const events = await timelineOf(ada, room);
      const removal = events.findIndex((event) => event.memberRemoved);
      expect(events.slice(removal + 1).filter((event) => event.actorId === bob.userId)).toEqual([]);
      expect(acks).toEqual(events.filter((event) => event.messagePosted).map((event) => Number(event.seq)));
      await client.next((frame) => frame.event?.memberRemoved?.userId === bob.userId);
      client.close();
    }
  });

  test("delete against edit: erased whichever came first", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    for (let i = 0; i < 10; i++) {
      const { seq } = await send(ada, room, "race-secret");
      const at = `/v1/rooms/${room}/messages/${seq}`;
      const [edit] = await Promise.all([ada.patch(at, { text: "race-secret edited" }), ada.delete(at)]);
      expect([200, 400]).toContain(edit.status);
      expect((await ok(bob.get(at))).message.text).toBe("");
    }
    expect(JSON.stringify(await timelineOf(bob, room))).not.toContain("race-secret");
  });

  test("edits on two connections against sends: each event once, the message as its last edit", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada, bob);
    const [one, two, reader] = await Promise.all([
      connect(stack.socketUrl, ada.accessToken),
      connect(stack.socketUrl, ada.accessToken, { subprotocol: "parley.v1.proto" }),
      connect(stack.socketUrl, bob.accessToken),
    ]);
    const { seq } = (await one.request({ send: { roomId: room, clientId: newClientId(), text: "0" } })).ack;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => [
        one.request({ edit: { roomId: room, seq, text: `one ${i}` } }),
        two.request({ edit: { roomId: room, seq, text: `two ${i}` } }),
        two.request({ send: { roomId: room, clientId: newClientId(), text: `new ${i}` } }),
        two.request({ react: { roomId: room, seq, emoji: "👍", remove: i % 2 === 1 } }),
      ]).flat(),
    );
    const events = await timelineOf(bob, room);
    expect(answers.filter(({ ack }) => !ack)).toEqual([]);
    const acked = answers.filter(({ ack }) => !ack.replayed).map(({ ack }) => Number(ack.seq));
    expect(acked.toSorted((a, b) => a - b)).toEqual(events.slice(3).map((event) => Number(event.seq)));
    const last = events.findLast((event) => event.messageEdited).messageEdited.text;
    const { message } = await ok(bob.get(`/v1/rooms/${room}/messages/${seq}`));
    expect(message).toMatchObject({ text: last, reactions: [] });
    for (const prefix of ["one", "two"]) {
      const texts = events.flatMap(({ messageEdited }) => messageEdited?.text ?? []);
      const own = texts.filter((text: string) => text.startsWith(prefix));
      expect(own).toEqual(Array.from({ length: 100 }, (_, i) => `${prefix} ${i}`));
    }
    await reader.untilSeq(room, events.length);
    expect(reader.events(room)).toEqual(events.slice(2));
    for (const client of [one, two, reader]) client.close();
  });

  test("a role taken away against what it allowed: nothing is done that follows the taking", async () => {
    const [ada, bob, eve] = people as [Person, Person, Person];
    const room = await roomOf(ada, bob, eve);
    const role = (value: string) => ok(ada.patch(`/v1/rooms/${room}/members/${bob.userId}`, { role: value }));
    for (let round = 0; round < 5; round++) {
      await role("ROLE_MODERATOR");
      const posts = await Promise.all(Array.from({ length: 20 }, (_, i) => send(eve, room, `m${i}`)));
      const [, ...deletes] = await Promise.all([
        role("ROLE_MEMBER"),
        ...posts.map(({ seq }) => bob.delete(`/v1/rooms/${room}/messages/${seq}`)),
      ]);
      for (const { status } of deletes) expect([200, 403]).toContain(status);
    }
    const events = await timelineOf(ada, room);
    let isModerator = false;
    for (const event of events) {
      if (event.roleChanged) isModerator = event.roleChanged.role === "ROLE_MODERATOR";
      if (event.messageDeleted) expect(isModerator, `event ${event.seq}`).toBe(true);
    }
  });

  test("a room deleted against everything: what was acked stands before its end", async () => {
    const [ada, bob] = people as [Person, Person];
    for (let round = 0; round < 5; round++) {
      const room = await roomOf(ada, bob);
      const client = await connect(stack.socketUrl, bob.accessToken);
      const sends = Array.from({ length: 100 }, (_, i) =>
        client.request({ send: { roomId: room, clientId: newClientId(), text: `m${i}` } }),
      );
      await sends[round];
      await ok(ada.delete(`/v1/rooms/${room}`));
      const acks = (await Promise.all(sends)).flatMap((frame) => (frame.ack ? [Number(frame.ack.seq)] : []));
      await client.next((frame) => frame.feed?.roomLeft?.roomId === room);
      // The feed is another log than the room's.
      await client.next((frame) => frame.event?.roomId === room && frame.event.roomDeleted);
      const events = client.events(room);
      expect(events.at(-1).roomDeleted).toEqual({});
      expect(events.map((event) => Number(event.seq))).toEqual(events.map((_, i) => i + 3));
      expect(acks).toEqual(events.slice(0, -1).map((event) => Number(event.seq)));
      client.close();
    }
  });

  test("join against post: who joined sees everything, once and in order", async () => {
    const [ada, bob] = people as [Person, Person];
    const room = await roomOf(ada);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    const [writer, reader] = await Promise.all([
      connect(stack.socketUrl, ada.accessToken),
      connect(stack.socketUrl, bob.accessToken),
    ]);
    const sends = Array.from({ length: 200 }, (_, i) =>
      writer.request({ send: { roomId: room, clientId: newClientId(), text: `m${i}` } }),
    );
    await ok(bob.post("/v1/invitations:accept", { code }));
    const head = Math.max(...(await Promise.all(sends)).map((frame) => Number(frame.ack.seq)));
    const events = await timelineOf(bob, room);
    const join = Number(events.find((event) => event.memberJoined?.userId === bob.userId).seq);
    const last = Math.max(head, join);
    await reader.untilSeq(room, last);
    expect(reader.events(room).map((event) => Number(event.seq))).toEqual(
      Array.from({ length: last - join + 1 }, (_, i) => join + i),
    );
    for (const client of [writer, reader]) client.close();
  });

  test("ten people who write, react and delete at once leave one gap-free timeline that all see alike", async () => {
    const ten = people.slice(0, 10);
    const room = await roomOf(...(ten as [Person, ...Person[]]));
    const clients = await Promise.all(ten.map((person) => connect(stack.socketUrl, person.accessToken)));
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 30; i++) {
          const { ack } = await client.request({
            send: { roomId: room, clientId: newClientId(), text: `m${i}` },
          });
          if (i % 3 === 0) await client.request({ react: { roomId: room, seq: ack.seq, emoji: "👍" } });
          if (i % 5 === 0) await client.request({ delete: { roomId: room, seq: ack.seq } });
        }
      }),
    );
    const events = await timelineOf(ten[0] as Person, room);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => String(i + 1)));
    const times = events.map((event) => Date.parse(event.at));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (const client of clients) {
      await client.untilSeq(room, events.length);
      expect(client.events(room).map((event) => event.seq)).toEqual(
        events.slice(10).map((event) => event.seq),
      );
      client.close();
    }
  });
});
