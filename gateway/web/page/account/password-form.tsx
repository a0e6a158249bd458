import { useState } from "preact/hooks";
import { Field } from "../parts/field.tsx";
import { useAction } from "../state/action.ts";
import { useMe, useParley, useToasts } from "../state/context.ts";

/** Gives oneself another password, which signs out everywhere else. */
export function PasswordForm() {
  const parley = useParley();
  const toasts = useToasts();
  const me = useMe();
  const action = useAction();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    action.run(async () => {
      await parley.auth.changePassword({ currentPassword: current, newPassword: next });
      setCurrent("");
      setNext("");
      toasts.show("Your password is changed, and other devices are signed out");
    });
  };
  return (
    <section class="section">
      <h3>Password</h3>
      <form onSubmit={submit}>
        {/* For password managers, which keep it with the name. */}
        <input
          class="hidden"
          name="username"
          autocomplete="username"
          tabIndex={-1}
          readOnly
          value={me.username}
        />
        <div class="field-row">
          <Field
            label="Current password"
            type="password"
            autocomplete="current-password"
            required
            value={current}
            onText={setCurrent}
          />
          <Field
            label="New password"
            type="password"
            autocomplete="new-password"
            minLength={8}
            required
            value={next}
            onText={setNext}
            hint="8 characters or more"
          />
        </div>
        <button type="submit" class="button" disabled={action.busy || current === "" || next === ""}>
          Change password
        </button>
      </form>
    </section>
  );
}
