import { useState } from "preact/hooks";
import { ParleyError } from "../../../../client/index.ts";
import { Field } from "../parts/field.tsx";
import { useParley } from "../state/context.ts";
import { failureText, reasonText } from "../text/words.ts";

interface SignInProps {
  /** Why one was signed out, if one didn't do it oneself. */
  reason: string | undefined;
  /** One came by an invitation's link. */
  invited: boolean;
}

/** The way in: with an account, or with a new one. */
export function SignIn({ reason, invited }: SignInProps) {
  const parley = useParley();
  const [isNew, setNew] = useState(invited);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  async function submit(event: Event) {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      if (isNew) await parley.register({ username, password, ...named(displayName) });
      else await parley.login({ username, password });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  const faults = faultsOf(error);
  const general = error !== undefined && !faults.username && !faults.password && !faults.display_name;
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <h1 class="brand">
          <img src="/favicon.svg" alt="" width="36" height="36" />
          Parley
        </h1>
        <p class="sign-in-lead">{leadOf(isNew, invited)}</p>
        {reason && <p class="note note-warning">{reasonText(reason) ?? "You were signed out."}</p>}
        <form onSubmit={submit}>
          <Field
            label="Username"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={username}
            onText={setUsername}
            error={faults.username}
            hint={isNew ? "3 to 32 letters, digits, and _ . -" : undefined}
          />
          {isNew && (
            <Field
              label="Your name (as others see it)"
              name="name"
              autocomplete="name"
              value={displayName}
              onText={setDisplayName}
              error={faults.display_name}
            />
          )}
          <Field
            label="Password"
            name="password"
            type="password"
            autocomplete={isNew ? "new-password" : "current-password"}
            required
            value={password}
            onText={setPassword}
            error={faults.password}
            hint={isNew ? "8 characters or more" : undefined}
          />
          {general && (
            <p class="note note-error" role="alert">
              {failureText(error)}
            </p>
          )}
          <button type="submit" class="button primary wide" disabled={busy}>
            {isNew ? "Create account" : "Sign in"}
          </button>
        </form>
        <p class="sign-in-other">
          {isNew ? "You have an account?" : "New here?"}{" "}
          <button type="button" class="link" onClick={() => setNew(!isNew)}>
            {isNew ? "Sign in" : "Create an account"}
          </button>
        </p>
      </div>
    </main>
  );
}

function leadOf(isNew: boolean, invited: boolean): string {
  if (invited) return "You are invited to a room. Create an account, or sign in, and you are in it.";
  return isNew ? "Create your account." : "Welcome. Sign in to talk.";
}

function named(displayName: string): { displayName?: string } {
  return displayName.trim() === "" ? {} : { displayName: displayName.trim() };
}

/** What is wrong with which field, in plain words. */
function faultsOf(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof ParleyError)) return {};
  if (error.reason === "USERNAME_TAKEN") return { username: failureText(error) };
  return Object.fromEntries((error.fields ?? []).map(({ field, message }) => [field, message]));
}
