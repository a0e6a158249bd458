import { useRef, useState } from "preact/hooks";
import type { User } from "../../../../client/index.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { useAction } from "../state/action.ts";
import { useParley } from "../state/context.ts";
import { goTo } from "../state/route.ts";
import { createClientId } from "../text/client-id.ts";
import { PeoplePicker } from "./people-picker.tsx";

/** Makes a room, with people in it from the start. */
export function NewRoomDialog({ onClose }: { onClose(): void }) {
  const parley = useParley();
  const action = useAction();
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [people, setPeople] = useState<readonly User[]>([]);
  // The same for each try, so that a lost answer makes no second room.
  const clientId = useRef(createClientId());
  const create = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      const { room } = await parley.rooms.createRoom({
        name: name.trim(),
        topic: topic.trim(),
        memberIds: people.map(({ userId }) => userId),
        clientId: clientId.current,
      });
      onClose();
      goTo({ at: "room", roomId: room!.roomId });
    });
  };
  const changed = () => {
    clientId.current = createClientId();
  };
  const choose = (chosen: readonly User[]) => {
    setPeople(chosen);
    changed();
  };
  return (
    <Dialog title="New room" onClose={onClose}>
      <form id="new-room" onSubmit={create} onInput={changed}>
        <Field label="Name" maxLength={100} required autoFocus value={name} onText={setName} />
        <Field label="Topic (optional)" maxLength={500} value={topic} onText={setTopic} />
        <PeoplePicker label="People (you can invite others later)" chosen={people} onChange={choose} />
        <footer class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={action.busy || name.trim() === ""}>
            Create room
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
