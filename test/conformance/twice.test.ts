import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningStack } from "../stack.ts";
import {
  type Api,
  newClientId,
  ok,
  openApi,
  type Person,
  reasonOf,
  refused,
  roomOf,
  timelineOf,
} from "./api.ts";
import { connect } from "./realtime-client.ts";
import { settings } from "./settings.ts";

/** Whatever is asked twice is done once, on whatever surface. */
describe.each(settings)("twice is once: $name", ({ running, surface }) => {
  let stack: RunningStack;
  let api: Api;
  let ada: Person;
  let bob: Person;

  beforeAll(async () => {
    stack = await running();
    api = await openApi(stack, surface);
    [ada, bob] = (await api.people(2)) as [Person, Person];
  });
  afterAll(() => api.close());

  test("a client id is of its room and author", async () => {
    const rooms = [await roomOf(ada, bob), await roomOf(ada, bob)];
    const clientId = newClientId();
    for (const room of rooms) {
      for (const author of [ada, bob]) {
        const body = { clientId, text: `${room} ${author.userId}` };
        expect((await ok(author.post(`/v1/rooms/${room}/messages`, body))).replayed).toBe(false);
        expect((await ok(author.post(`/v1/rooms/${room}/messages`, body))).replayed).toBe(true);
      }
    }
  });

  test.each(["parley.v1.json", "parley.v1.proto"] as const)(
    "what was sent by REST is replayed by %s, and the other way round",
    async (subprotocol) => {
      const room = await roomOf(ada, bob);
      const path = `/v1/rooms/${room}/messages`;
      const client = await connect(stack.socketUrl, ada.accessToken, { subprotocol });
      const body = { clientId: newClientId(), text: "once" };
      const { message } = await ok(ada.post(path, body));
      const replay = await client.request({ send: { roomId: room, ...body } });
      expect(replay.ack).toEqual({ roomId: room, seq: message.seq, at: message.sentAt, replayed: true });
      const other = await client.request({ send: { roomId: room, ...body, text: "twice" } });
      expect(reasonOf(other.error)).toBe("CLIENT_ID_REUSED");

      const second = { clientId: newClientId(), text: "re", replyToSeq: message.seq };
      const { ack } = await client.request({ send: { roomId: room, ...second } });
      expect(ack.replayed).toBe(false);
      expect(await ok(ada.post(path, second))).toMatchObject({ replayed: true, message: { seq: ack.seq } });
      await refused(ada.post(path, { ...second, replyToSeq: undefined }), 409, "CLIENT_ID_REUSED");

      await ok(ada.delete(`${path}/${ack.seq}`));
      const gone = await client.request({ send: { roomId: room, clientId: second.clientId, text: "what?" } });
      expect(gone.ack).toMatchObject({ seq: ack.seq, replayed: true });
      client.close();
      expect(await timelineOf(ada, room)).toHaveLength(5);
    },
  );

  test("the same send on ten connections and by REST at once posts once", async () => {
    const room = await roomOf(ada, bob);
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => connect(stack.socketUrl, ada.accessToken)),
    );
    for (let i = 0; i < 10; i++) {
      const body = { clientId: newClientId(), text: `m${i}` };
      const [rest, ...frames] = await Promise.all([
        ok(ada.post(`/v1/rooms/${room}/messages`, body)),
        ...clients.map((client) => client.request({ send: { roomId: room, ...body } })),
      ]);
      const answers = [
        { seq: rest.message.seq, replayed: rest.replayed },
        ...frames.map(({ ack }) => ({ seq: ack.seq, replayed: ack.replayed })),
      ];
      expect(new Set(answers.map(({ seq }) => seq))).toEqual(new Set([String(3 + i)]));
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    }
    for (const client of clients) client.close();
  });

  test("what was never otherwise is acked with the message's own seq and time", async () => {
    const room = await roomOf(ada, bob);
    const client = await connect(stack.socketUrl, ada.accessToken);
    const { ack } = await client.request({ send: { roomId: room, clientId: newClientId(), text: "same" } });
    const asItWas = { ...ack, replayed: true };
    const { seq } = ack;
    expect((await client.request({ edit: { roomId: room, seq, text: "same" } })).ack).toEqual(asItWas);
    const remove = { roomId: room, seq, emoji: "👍", remove: true };
    expect((await client.request({ react: remove })).ack).toEqual(asItWas);
    expect((await ok(ada.delete(`/v1/rooms/${room}/messages/${seq}/reactions/👍`))).message).toMatchObject({
      seq,
      reactions: [],
    });
    expect(await timelineOf(bob, room)).toHaveLength(3);
    client.close();
  });

  test("taken back and given again is a change each time, acked with the latest", async () => {
    const room = await roomOf(ada, bob);
    const client = await connect(stack.socketUrl, ada.accessToken);
    const { seq } = (await client.request({ send: { roomId: room, clientId: newClientId(), text: "one" } }))
      .ack;
    const act = async (frame: object) => {
      const { ack } = await client.request(frame);
      return [Number(ack.seq), ack.replayed];
    };
    const react = (remove: boolean) => ({ react: { roomId: room, seq, emoji: "👍", remove } });
    const edit = (text: string) => ({ edit: { roomId: room, seq, text } });
    expect(await act(react(false))).toEqual([4, false]);
    expect(await act(react(true))).toEqual([5, false]);
    expect(await act(react(true))).toEqual([5, true]);
    expect(await act(react(false))).toEqual([6, false]);
    expect(await act(react(false))).toEqual([6, true]);
    expect(await act(edit("two"))).toEqual([7, false]);
    expect(await act(edit("one"))).toEqual([8, false]);
    expect(await act(edit("one"))).toEqual([8, true]);
    client.close();
    const { message } = await ok(bob.get(`/v1/rooms/${room}/messages/${seq}`));
    expect(message).toMatchObject({ text: "one", reactions: [{ emoji: "👍", count: 1, mine: false }] });
  });

  test("removing and revoking what is gone answers {} and makes no event", async () => {
    const room = await roomOf(ada, bob);
    const { invitation, code } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
    for (let i = 0; i < 2; i++) {
      expect(await ok(ada.delete(`/v1/rooms/${room}/invitations/${invitation.invitationId}`))).toEqual({});
      expect(await ok(ada.delete(`/v1/rooms/${room}/members/${bob.userId}`))).toEqual({});
    }
    await refused(bob.post("/v1/invitations:accept", { code }), 404, "INVITATION_NOT_FOUND");
    expect((await timelineOf(ada, room)).map((event) => Object.keys(event).at(-1))).toEqual([
      "memberJoined",
      "memberJoined",
      "memberRemoved",
    ]);
  });

  test("a member's accept of any code of the room uses nothing up", async () => {
    const room = await roomOf(ada, bob);
    const { code } = await ok(ada.post(`/v1/rooms/${room}/invitations`, { maxUses: 1 }));
    for (const member of [ada, bob, bob]) await ok(member.post("/v1/invitations:accept", { code }));
    const eve = await api.register();
    await ok(eve.post("/v1/invitations:accept", { code }));
    await ok(eve.post("/v1/invitations:accept", { code }));
    expect((await ok(ada.get(`/v1/rooms/${room}/invitations`))).invitations).toEqual([]);
    expect(await timelineOf(ada, room)).toHaveLength(3);
  });
});
