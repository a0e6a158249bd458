import { randomUUID } from "node:crypto";
import type { DescField, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { freePort } from "../../services/common/test-free-port.ts";
import { type Stack, topologies } from "../stack.ts";
import { createApi, ok, type Person, password, reasonOf, roomOf, send, uniqueName } from "./api.ts";
import type { Answer } from "./clients/answer.ts";
import type { CallClient, Method } from "./clients/client.ts";
import { connectJson } from "./clients/connect.ts";
import { contracts } from "./clients/contracts.ts";
import { grpcJs } from "./clients/grpc-js.ts";
import { rest } from "./clients/rest.ts";
import { serverKeyFor } from "./server-key.ts";

/** What goes into fields that have to be right before anyone looks for the room. */
const values: Readonly<Record<string, (room: Room) => JsonObject[string]>> = {
  clientId: () => "c",
  text: () => "t",
  emoji: () => "👍",
  role: () => "ROLE_ADMIN",
  name: () => "n",
  topic: () => "t",
  seq: () => "2",
  userId: ({ member }) => member,
  invitationId: ({ invitation }) => invitation,
};

interface Room {
  readonly member: string;
  readonly invitation: string;
}

const asksForRoom = ({ input }: Method) => input.fields.some(({ name }) => name === "room_id");
const methods = contracts.flatMap((service) => service.methods as Method[]).filter(asksForRoom);

/** What one is not to know can't be told from what isn't there, by nothing in the answer. */
describe.each(topologies)("existence: $name", ({ start, isWhole }) => {
  let stack: Stack;
  let operator: string;
  let clients: readonly (readonly [string, CallClient])[];
  let ada: Person;
  let bob: Person;
  let eve: Person;
  const api = () => createApi(stack.url);

  beforeAll(async () => {
    operator = `http://127.0.0.1:${await freePort()}`;
    stack = await start({ env: { PARLEY_OPERATOR_PORT: new URL(operator).port } });
    [ada, bob, eve] = (await api().people(3)) as [Person, Person, Person];
    clients = await Promise.all(
      [rest, connectJson, grpcJs].map(async (each) => [each.name, await each.connect(stack)] as const),
    );
  });
  afterAll(async () => {
    await Promise.all(clients.map(([, client]) => client.close()));
    await stack[Symbol.asyncDispose]();
  });

  /** The same by every surface, or it fails. */
  async function answerTo(method: Method, request: JsonObject, person?: Person): Promise<Answer> {
    const answers = [];
    for (const [surface, client] of clients) {
      const answer = await client.call({ method, request, token: person?.accessToken });
      if (answer) answers.push({ surface, status: answer.status, body: answer.body });
    }
    const [first] = answers;
    for (const { surface, status, body } of answers)
      expect({ status, body }, surface).toEqual({ status: first?.status, body: first?.body });
    return first as unknown as Answer;
  }

  test("there are RPCs of rooms", () => expect(methods.length).toBeGreaterThan(15));

  test.each(methods.map((method) => [method.name, method] as const))(
    "%s: a room of others is as one that isn't",
    async (_, method) => {
      const room = await roomOf(ada, bob);
      await send(ada, room, "hello");
      const { invitation } = await ok(ada.post(`/v1/rooms/${room}/invitations`));
      const known = { member: bob.userId, invitation: invitation.invitationId };
      const fieldsFor = (roomId: string) => ({ ...requestFor(method, known), roomId });
      const there = await answerTo(method, fieldsFor(room), eve);
      expect(reasonOf(there.body), JSON.stringify(there.body)).toBe("ROOM_NOT_FOUND");
      for (const roomId of [randomUUID(), ada.userId, "x"])
        expect(await answerTo(method, fieldsFor(roomId), eve)).toEqual({ ...there });
      // And the request is one that a member could make.
      const [, client] = clients[1]!;
      const { body } = (await client.call({ method, request: fieldsFor(room), token: ada.accessToken }))!;
      expect(reasonOf(body)).not.toBe("INVALID_ARGUMENT");
    },
  );

  test("AcceptInvitation: whatever keeps an invitation from being used, it is as one that isn't", async () => {
    const room = await roomOf(ada);
    const invite = async (body: JsonObject = {}) => ok(ada.post(`/v1/rooms/${room}/invitations`, body));
    const [used, revoked, expired, named] = await Promise.all([
      invite({ maxUses: 1 }),
      invite(),
      invite({ expiresIn: "1s" }),
      invite({ userId: bob.userId }),
    ]);
    const carol = await api().register();
    await ok(carol.post("/v1/invitations:accept", { code: used.code }));
    await ok(ada.delete(`/v1/rooms/${room}/invitations/${revoked.invitation.invitationId}`));
    await expect
      .poll(() => Date.now(), { timeout: 3000 })
      .toBeGreaterThan(Date.parse(expired.invitation.expiresAt));

    const accept = (request: JsonObject) => answerTo(RoomService.method.acceptInvitation, request, eve);
    const unknown = await accept({ code: "nobody-made-this" });
    expect(reasonOf(unknown.body)).toBe("INVITATION_NOT_FOUND");
    for (const { code } of [used, revoked, expired]) expect(await accept({ code })).toEqual({ ...unknown });
    const ids = [named, used, revoked, expired].map(({ invitation }) => invitation.invitationId);
    for (const invitationId of [...ids, randomUUID(), "x"])
      expect(await accept({ invitationId })).toEqual({ ...unknown });
  });

  test("Login: an unknown user, one without a password and a wrong password are one answer and one hash", async ({
    skip,
  }) => {
    skip(!isWhole, "hashes are counted by another process");
    const username = uniqueName("guest");
    const headers = { authorization: `Bearer ${await serverKeyFor(stack)}` };
    await ok(
      api().call("POST", "/v1/admin/users:ensure", { headers, body: { externalId: username, username } }),
    );
    const attempts = [
      { username: ada.username, password: "not the password" },
      { username, password },
      { username: uniqueName(), password },
    ];
    const hashes = async () => {
      const text = await (await fetch(`${operator}/metrics`)).text();
      return Number(/^parley_password_hash_duration_seconds_count (\d+)/m.exec(text)?.[1]);
    };
    const seen = [];
    for (const request of attempts) {
      const before = await hashes();
      const answer = await answerTo(AuthService.method.login, request);
      seen.push({ ...answer, hashes: (await hashes()) - before });
    }
    expect(reasonOf(seen[0]?.body)).toBe("WRONG_CREDENTIALS");
    expect(seen[0]?.hashes).toBe(clients.length);
    for (const each of seen) expect(each).toEqual(seen[0]);
  });
});

function requestFor({ input }: Method, room: Room): JsonObject {
  const needed = (field: DescField) => field.jsonName !== "roomId" && field.jsonName in values;
  return Object.fromEntries(
    input.fields.filter(needed).map(({ jsonName }) => [jsonName, values[jsonName]!(room)]),
  );
}
