import { useState } from "preact/hooks";
import type { Room } from "../../../../client/index.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { useAction } from "../state/action.ts";
import { useParley } from "../state/context.ts";

/** Gives the room another name or topic. */
export function RenameDialog({ room, onClose }: { room: Room; onClose(): void }) {
  const parley = useParley();
  const action = useAction();
  const [name, setName] = useState(room.name);
  const [topic, setTopic] = useState(room.topic);
  const save = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await parley.rooms.updateRoom({ roomId: room.roomId, name: name.trim(), topic: topic.trim() });
      onClose();
    });
  };
  return (
    <Dialog title="Name and topic" onClose={onClose}>
      <form onSubmit={save}>
        <Field label="Name" maxLength={100} required autoFocus value={name} onText={setName} />
        <Field label="Topic (optional)" maxLength={500} value={topic} onText={setTopic} />
        <footer class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={action.busy || name.trim() === ""}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
