import { useRef, useState } from "preact/hooks";
import { failureText } from "../text/words.ts";
import { useToasts } from "./context.ts";

export interface Action {
  /** It is under way. */
  readonly busy: boolean;
  /** Begins it, unless it is under way already. What it fails with is said in a toast. */
  run(work: () => Promise<unknown>): void;
}

/** Something that one does by a press, and that the server may refuse. */
export function useAction(): Action {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const isBusy = useRef(false);
  return {
    busy,
    run(work) {
      if (isBusy.current) return;
      isBusy.current = true;
      setBusy(true);
      work()
        .catch((error) => toasts.show(failureText(error), "failed"))
        .finally(() => {
          isBusy.current = false;
          setBusy(false);
        });
    },
  };
}
