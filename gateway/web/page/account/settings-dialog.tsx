import { useState } from "preact/hooks";
import { Dialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { useAction } from "../state/action.ts";
import { useMe, useParley, useToasts } from "../state/context.ts";
import { PasswordForm } from "./password-form.tsx";
import { SessionList } from "./session-list.tsx";

/** One's name, password and sessions. */
export function SettingsDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Your account" onClose={onClose} wide>
      <ProfileForm />
      <PasswordForm />
      <SessionList />
    </Dialog>
  );
}

function ProfileForm() {
  const parley = useParley();
  const toasts = useToasts();
  const me = useMe();
  const action = useAction();
  const [name, setName] = useState(me.displayName);
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await parley.users.updateMe({ displayName: name.trim() });
      toasts.show("Your name is changed");
    });
  };
  return (
    <section class="section">
      <h3>Name</h3>
      <form class="inline-form" onSubmit={submit}>
        <Field
          label={`How others see you (you sign in as ${me.username})`}
          autocomplete="name"
          maxLength={100}
          required
          value={name}
          onText={setName}
        />
        <button type="submit" class="button" disabled={action.busy || name.trim() === ""}>
          Save
        </button>
      </form>
    </section>
  );
}
