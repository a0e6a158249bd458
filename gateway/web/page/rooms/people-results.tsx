import { useAction } from "../state/action.ts";
import { useParley } from "../state/context.ts";
import { usePeople } from "../state/people.ts";
import { goTo } from "../state/route.ts";
import { PersonLine } from "./person-line.tsx";

/** People who are found by what was typed: choosing one opens the room for the two. */
export function PeopleResults({ query, onChosen }: { query: string; onChosen(): void }) {
  const parley = useParley();
  const action = useAction();
  const { people, status } = usePeople(query);
  const choose = (userId: string) =>
    action.run(async () => {
      const { room } = await parley.rooms.openDirectRoom({ userId });
      onChosen();
      goTo({ at: "room", roomId: room!.roomId });
    });
  return (
    <section aria-label="People">
      <h2 class="rooms-title">People</h2>
      <p class="muted padded" role="status">
        {status === "loading" && people.length === 0 && "Looking…"}
        {status === "ready" && people.length === 0 && "Nobody is called that."}
        {status === "failed" && "People can't be looked up right now."}
      </p>
      <ul class="plain-list">
        {people.map((person) => (
          <li key={person.userId}>
            <button type="button" class="person-row" onClick={() => choose(person.userId)}>
              <PersonLine verb="Write to" person={person} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
