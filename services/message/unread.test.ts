import { expect, test } from "vitest";
import { type Person, startTestMessage } from "./test-message.ts";
import { joined, left } from "./test-peers.ts";

/** Numbers that look random and are the same in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The room as one would count it by hand. */
interface Model {
  /** By seq - 1: who posted, if it was a post. */
  readonly authors: (Person | undefined)[];
  readonly markers: Map<Person, number>;
}

function unreadOf({ authors, markers }: Model, person: Person): number {
  return authors.filter((author, i) => author && author !== person && i + 1 > markers.get(person)!).length;
}

test.each([1, 2, 3, 4])("unread is what one would count by hand, whatever happens (%i)", async (seed) => {
  const random = createRandom(seed);
  const parley = await startTestMessage();
  const people = await parley.people(4);
  const [owner, ...others] = people;
  const roomId = await parley.roomOf(owner, ...others);
  const model: Model = { authors: [undefined, undefined, undefined, undefined], markers: new Map() };
  for (const [i, person] of people.entries()) model.markers.set(person, i + 1);
  const event = (author?: Person) => model.authors.push(author);

  const post = async (person: Person) => {
    await person.send(roomId, "text");
    event(person);
  };
  const react = async (person: Person) => {
    const seq = model.authors.findLastIndex((author) => author) + 1;
    if (seq === 0) return;
    const before = (await person.calls.listTimeline({ roomId, pageSize: 1 })).events[0]?.seq;
    await person.calls.addReaction({ roomId, seq: BigInt(seq), emoji: "👍" });
    const after = (await person.calls.listTimeline({ roomId, pageSize: 1 })).events[0]?.seq;
    if (after !== before) event();
  };
  const rejoin = async (person: Person) => {
    if (person === owner) return;
    await parley.room.change(roomId, person.userId, left(person.userId));
    await parley.room.change(roomId, owner.userId, joined(person.userId));
    event();
    event();
    model.markers.set(person, model.authors.length);
  };
  const read = async (person: Person) => {
    const seq = random(model.authors.length + 3);
    const marker = Math.max(model.markers.get(person)!, Math.min(seq, model.authors.length));
    model.markers.set(person, marker);
    const answer = await person.calls.markRead({ roomId, seq: BigInt(seq) });
    expect(answer).toMatchObject({ readSeq: BigInt(marker), unreadCount: unreadOf(model, person) });
  };

  const actions = [post, post, post, post, react, read, read, rejoin];
  for (let step = 0; step < 120; step++) {
    const action = random(20) === 0 ? rejoin : actions[random(actions.length - 1)]!;
    await action(people[random(people.length)]!);
  }
  for (const person of people) {
    const { items } = await person.calls.listInbox({});
    expect(items).toMatchObject([
      {
        lastSeq: BigInt(model.authors.length),
        readSeq: BigInt(model.markers.get(person)!),
        unreadCount: unreadOf(model, person),
      },
    ]);
  }
});
