import type { JSX } from "preact";
import { useId } from "preact/hooks";

type FieldProps = JSX.IntrinsicElements["input"] & {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  onText(text: string): void;
};

/** A line to write in, with its label, a hint, and what is wrong with it. */
export function Field({ label, hint, error, onText, autoFocus, ...input }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        data-autofocus={autoFocus || undefined}
        aria-invalid={error ? true : undefined}
        aria-describedby={note ? noteId : undefined}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      {note && (
        <p id={noteId} class={error ? "field-note field-error" : "field-note"}>
          {note}
        </p>
      )}
    </div>
  );
}
