import { useRef, useState } from "preact/hooks";
import type { Room, User } from "../../../../client/index.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import { PeoplePicker } from "../rooms/people-picker.tsx";
import { useAction } from "../state/action.ts";
import { useParley, useToasts } from "../state/context.ts";
import { invitationLink } from "../state/route.ts";

import { UsableInvitations } from "./usable-invitations.tsx";

const day = 24 * 60 * 60;
const lifetimes = [
  { seconds: 60 * 60, label: "1 hour" },
  { seconds: day, label: "1 day" },
  { seconds: 7 * day, label: "7 days" },
  { seconds: 30 * day, label: "30 days" },
];
const uses = [
  { most: 0, label: "any number of people" },
  { most: 1, label: "1 person" },
  { most: 10, label: "10 people" },
  { most: 100, label: "100 people" },
];

/** Brings people in: by a link for whoever has it, or by name. */
export function InviteDialog({ room, onClose }: { room: Room; onClose(): void }) {
  const parley = useParley();
  const toasts = useToasts();
  const action = useAction();
  const [seconds, setSeconds] = useState(7 * day);
  const [most, setMost] = useState(0);
  const [link, setLink] = useState("");
  const [people, setPeople] = useState<readonly User[]>([]);
  const [changes, setChanges] = useState(0);

  const makeLink = () =>
    action.run(async () => {
      const { code } = await parley.rooms.createInvitation({
        roomId: room.roomId,
        expiresIn: { seconds: BigInt(seconds) },
        ...(most > 0 && { maxUses: most }),
      });
      setLink(invitationLink(code));
      setChanges(changes + 1);
    });
  const invite = () =>
    action.run(async () => {
      for (const { userId } of people) await parley.rooms.createInvitation({ roomId: room.roomId, userId });
      setPeople([]);
      setChanges(changes + 1);
      toasts.show("They are invited, and see it in their list of rooms");
    });
  return (
    <Dialog title={`Invite to ${room.name}`} onClose={onClose} wide>
      <section class="section">
        <h3>By a link</h3>
        <p class="muted">Whoever has it can join.</p>
        <div class="field-row">
          <Choice
            label="Works for"
            value={seconds}
            options={lifetimes.map((each) => [each.seconds, each.label])}
            onChoose={setSeconds}
          />
          <Choice
            label="Lets in"
            value={most}
            options={uses.map((each) => [each.most, each.label])}
            onChoose={setMost}
          />
        </div>
        <button type="button" class="button primary" data-autofocus disabled={action.busy} onClick={makeLink}>
          Create a link
        </button>
        {link && <LinkLine link={link} />}
      </section>
      <section class="section">
        <h3>By name</h3>
        <PeoplePicker label="People with an account here" chosen={people} onChange={setPeople} />
        {people.length > 0 && (
          <button type="button" class="button primary" disabled={action.busy} onClick={invite}>
            Invite
          </button>
        )}
      </section>
      <UsableInvitations key={changes} roomId={room.roomId} />
    </Dialog>
  );
}

interface ChoiceProps {
  label: string;
  value: number;
  options: readonly (readonly [value: number, label: string])[];
  onChoose(value: number): void;
}

function Choice({ label, value, options, onChoose }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function LinkLine({ link }: { link: string }) {
  const toasts = useToasts();
  const field = useRef<HTMLInputElement>(null);
  const copy = async () => {
    try {
      // There is none over plain HTTP.
      await navigator.clipboard.writeText(link);
      toasts.show("The link is copied");
    } catch {
      field.current?.focus();
      toasts.show("The browser didn't let it be copied: it is selected, copy it yourself", "failed");
    }
  };
  return (
    <div class="link-line">
      <input
        ref={field}
        readOnly
        aria-label="The invitation's link"
        value={link}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button type="button" class="button" onClick={copy}>
        <Icon name="copy" />
        Copy
      </button>
    </div>
  );
}
