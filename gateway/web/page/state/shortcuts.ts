import { useEffect, useRef } from "preact/hooks";

/** Hears keys wherever the focus is, unless a dialogue is open. What answers true has taken the key. */
export function useShortcuts(handle: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      if (latest.current(event)) event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

/** The key is meant as a letter of a text. */
export function isTyping({ target }: Event): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select");
}

export function isCommand(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey;
}
