import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { UserSchema } from "#gen/parley/user/v1/user_pb.js";
import { BatchGetUsersResponseSchema } from "#gen/parley/user/v1/user_service_pb.js";
import { useTestClock } from "./test-clock.ts";
import { createUsers } from "./users.ts";

useTestClock();

const aMoment = 20;
/** Longer than all pauses between tries together. */
const aWhile = 60_000;
const userOf = (userId: string) => create(UserSchema, { userId, displayName: `Person ${userId}` });

/** A server that knows everybody, when it is there. */
function setUp() {
  const server = { isDown: false, knows: (_userId: string) => true };
  const asked: string[][] = [];
  const users = createUsers({
    async batchGetUsers({ userIds = [] }) {
      asked.push([...userIds]);
      if (server.isDown) throw new TypeError("fetch failed");
      return create(BatchGetUsersResponseSchema, { users: userIds.filter(server.knows).map(userOf) });
    },
  });
  const nameOf = (userId: string) => users.user(userId).get()?.displayName;
  return { users, server, asked, nameOf };
}

test("who is wanted in one moment is looked up together, each once", async () => {
  const { users, asked, nameOf } = setUp();
  for (const userId of ["1", "2", "1"]) users.user(userId);
  expect(users.user("1")).toBe(users.user("1"));
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked).toEqual([["1", "2"]]);
  expect([nameOf("1"), nameOf("2")]).toEqual(["Person 1", "Person 2"]);
});

test("who is known is looked up anew after some minutes, and is known meanwhile", async () => {
  const { users, asked, nameOf } = setUp();
  users.user("1");
  await vi.advanceTimersByTimeAsync(200_000);
  users.user("1");
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200_000);
  expect(nameOf("1")).toBe("Person 1");
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked).toEqual([["1"], ["1"]]);
});

test("more than a page of them are looked up by pages", async () => {
  const { users, asked, nameOf } = setUp();
  for (let userId = 1; userId <= 450; userId += 1) users.user(`${userId}`);
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked.map(({ length }) => length)).toEqual([200, 200, 50]);
  expect(new Set(asked.flat()).size).toBe(450);
  expect(nameOf("450")).toBe("Person 450");
});

test("who there isn't stays unknown, and isn't asked for again and again", async () => {
  const { users, server, asked, nameOf } = setUp();
  server.knows = () => false;
  users.user("1");
  await vi.advanceTimersByTimeAsync(aWhile);
  expect(nameOf("1")).toBe(undefined);
  expect(asked).toHaveLength(1);
});

test("a failure is tried again", async () => {
  const { users, server, asked, nameOf } = setUp();
  server.isDown = true;
  users.user("1");
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked).toHaveLength(1);
  server.isDown = false;
  await vi.advanceTimersByTimeAsync(aWhile);
  expect(asked).toHaveLength(2);
  expect(nameOf("1")).toBe("Person 1");
});

test("after some failures it is left alone, until it is connected again", async () => {
  const { users, server, asked, nameOf } = setUp();
  server.isDown = true;
  for (let userId = 1; userId <= 201; userId += 1) users.user(`${userId}`);
  await vi.advanceTimersByTimeAsync(aWhile);
  const tries = asked.length;
  expect(tries).toBeLessThan(10);
  await vi.advanceTimersByTimeAsync(aWhile);
  expect(asked).toHaveLength(tries);
  server.isDown = false;
  users.connected();
  await vi.advanceTimersByTimeAsync(aMoment);
  expect([nameOf("1"), nameOf("201")]).toEqual(["Person 1", "Person 201"]);
  users.connected();
  await vi.advanceTimersByTimeAsync(aMoment);
  expect(asked).toHaveLength(tries + 2);
});

test("after some failures whoever is wanted is asked for again, of whatever page", async () => {
  for (const userId of ["1", "201"]) {
    const { users, server, asked, nameOf } = setUp();
    server.isDown = true;
    for (let each = 1; each <= 201; each += 1) users.user(`${each}`);
    await vi.advanceTimersByTimeAsync(aWhile);
    const tries = asked.length;
    server.isDown = false;
    users.user(userId);
    await vi.advanceTimersByTimeAsync(aMoment);
    expect(nameOf(userId)).toBe(`Person ${userId}`);
    expect(asked.slice(tries)).toEqual([[userId]]);
  }
});

test("who hears of one and wants another is answered", async () => {
  const { users, nameOf } = setUp();
  users.user("1").subscribe(() => users.user("2"));
  await vi.advanceTimersByTimeAsync(10 * aMoment);
  expect(nameOf("2")).toBe("Person 2");
});

test("what is learned elsewhere is told to whoever wanted to know", async () => {
  const { users } = setUp();
  const changed = vi.fn();
  users.onChange(changed);
  const person = users.user("1");
  users.learn(create(UserSchema, { userId: "1", displayName: "Ada" }));
  expect(person.get()?.displayName).toBe("Ada");
  expect(changed).toHaveBeenCalledOnce();
});

test("of what another person wanted nothing is known", async () => {
  const { users, server, asked, nameOf } = setUp();
  users.user("1");
  await vi.advanceTimersByTimeAsync(aMoment);
  server.isDown = true;
  users.user("2");
  await vi.advanceTimersByTimeAsync(aWhile);
  server.isDown = false;
  const tries = asked.length;
  users.user("3");
  users.clear();
  users.connected();
  await vi.advanceTimersByTimeAsync(aWhile);
  expect(asked).toHaveLength(tries);
  expect(nameOf("1")).toBe(undefined);
});
