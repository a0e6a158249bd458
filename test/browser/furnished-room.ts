import { createApi, ok, type Person, send } from "../conformance/api.ts";

/** An account whose rooms look lived in: several people, long and short texts, reactions, replies, unread messages. */
export async function furnish(url: string, name: string): Promise<{ account: Person; newcomer: Person }> {
  const api = createApi(url);
  const names = [
    name,
    "Grace Hopper",
    "Alan Turing",
    "Katherine Johnson",
    "Edsger W. Dijkstra",
    "Ada Lovelace",
  ];
  const people: Person[] = [];
  for (const displayName of names)
    people.push(
      await api.register({ username: displayName.toLowerCase().replaceAll(/\W+/g, "."), displayName }),
    );
  const [account, grace, alan, katherine, edsger, ada] = people as [
    Person,
    Person,
    Person,
    Person,
    Person,
    Person,
  ];
  const newcomer = await api.register({ displayName: "New Here" });

  const room = async (owner: Person, title: string, others: Person[], topic = "") => {
    const memberIds = others.map(({ userId }) => userId);
    return (await ok(owner.post("/v1/rooms", { name: title, topic, memberIds }))).room.roomId as string;
  };
  const react = async (person: Person, roomId: string, seq: string, emoji: string) =>
    ok(person.put(`/v1/rooms/${roomId}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`));

  const tea = await room(alan, "Tea and biscuits, and whatever else one finds in the kitchen", [
    account,
    grace,
  ]);
  await send(alan, tea, "Has anybody seen the good cups?");
  for (let i = 0; i < 3; i++) await send(grace, tea, "They are in the dishwasher, as they are every day.");

  const direct = (await ok(ada.post("/v1/rooms:direct", { userId: account.userId }))).room.roomId as string;
  await send(ada, direct, "I have read your notes on the engine, and would like to add some of my own.");
  await send(account, direct, "Please do! Bring them along.");
  await send(ada, direct, "See you at four, then");

  const others = [grace, alan, katherine, edsger, ada];
  const launch = await room(account, "Launch preparation", others, "Everything for Friday, and nothing else");
  await send(grace, launch, "Good morning! Has anyone looked at the numbers of last night's run?");
  const answer = await send(
    katherine,
    launch,
    "I have. The second stage ends 40 % earlier than we thought, which leaves enough for another try.\n\n" +
      "Everything is in https://example.com/reports/launch?run=412, section 3.",
  );
  await send(katherine, launch, "It would be good if somebody went over it again.");
  await react(account, launch, answer.seq, "👍");
  await react(grace, launch, answer.seq, "👍");
  await react(ada, launch, answer.seq, "🎉");
  await send(edsger, launch, "I did, with pencil and paper. It is right.", { replyToSeq: answer.seq });
  const plan = await send(
    alan,
    launch,
    "Then let us go on with the plan as it is. I would rather change nothing on the day before; and if something turns " +
      "out to be missing, there is still the afternoon to put it right. What we should not do is to improvise.",
  );
  await react(edsger, launch, plan.seq, "💯");
  const slip = await send(grace, launch, "wrong room, sorry");
  await ok(grace.delete(`/v1/rooms/${launch}/messages/${slip.seq}`));
  await send(account, launch, "Who is on call tonight?");
  const me = await send(ada, launch, "Me");
  await ok(ada.patch(`/v1/rooms/${launch}/messages/${me.seq}`, { text: "Me, until midnight" }));
  await send(katherine, launch, "🎉🎉");
  await send(grace, launch, "Shall we talk about it at four?");
  return { account, newcomer };
}
