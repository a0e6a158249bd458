import { useId, useState } from "preact/hooks";
import type { User } from "../../../../client/index.ts";
import { Icon } from "../parts/icon.tsx";
import { usePeople } from "../state/people.ts";
import { nameOf } from "../text/words.ts";
import { PersonLine } from "./person-line.tsx";

interface PeoplePickerProps {
  label: string;
  chosen: readonly User[];
  onChange(chosen: readonly User[]): void;
}

/** A field to find people by, those who are found, and those who are chosen. */
export function PeoplePicker({ label, chosen, onChange }: PeoplePickerProps) {
  const id = useId();
  const [query, setQuery] = useState("");
  const { people, status } = usePeople(query);
  const isChosen = (person: User) => chosen.some(({ userId }) => userId === person.userId);
  const found = people.filter((person) => !isChosen(person));
  const add = (person: User) => {
    onChange([...chosen, person]);
    setQuery("");
    document.getElementById(id)?.focus();
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {chosen.length > 0 && (
        <ul class="chips" aria-label="Chosen">
          {chosen.map((person) => (
            <li key={person.userId}>
              <button
                type="button"
                class="chip"
                aria-label={`Remove ${nameOf(person)}`}
                onClick={() => onChange(chosen.filter((each) => each !== person))}
              >
                {nameOf(person)}
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        type="search"
        autocomplete="off"
        placeholder="Type a name"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (found[0]) add(found[0]);
        }}
      />
      <p class="field-note" role="status">
        {status === "ready" && found.length === 0 && "Nobody else is called that."}
        {status === "failed" && "People can't be looked up right now."}
      </p>
      {found.length > 0 && query.trim() !== "" && (
        <ul class="plain-list picker-list" aria-label="Found">
          {found.map((person) => (
            <li key={person.userId}>
              <button type="button" class="person-row" onClick={() => add(person)}>
                <PersonLine verb="Add" person={person} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
