import type { Observable } from "../../../../client/index.ts";

/** A short word on something that was done, or that failed. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "done" | "failed";
}

export interface Toasts {
  readonly shown: Observable<readonly Toast[]>;
  show(text: string, kind?: Toast["kind"]): void;
  dismiss(id: number): void;
  /** How many dialogues are open: all but the last one are out of reach, and so would be what is shown behind them. */
  readonly depth: Observable<number>;
  /** A dialogue opens. Answers its depth, and what to call when it closes. */
  enter(): { depth: number; leave(): void };
}

/** Long enough to be read; what failed stays longer. */
const shownMs = { done: 4000, failed: 10_000 };
const mostAtOnce = 3;

export function createToasts(): Toasts {
  let toasts: readonly Toast[] = [];
  let lastId = 0;
  let depth = 0;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const set = (next: readonly Toast[]) => {
    toasts = next;
    tell();
  };
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const dismiss = (id: number) => set(toasts.filter((toast) => toast.id !== id));
  return {
    shown: { get: () => toasts, subscribe },
    depth: { get: () => depth, subscribe },
    enter() {
      depth += 1;
      tell();
      return {
        depth,
        leave() {
          depth -= 1;
          tell();
        },
      };
    },
    show(text, kind = "done") {
      const id = ++lastId;
      const others = toasts.filter((toast) => toast.text !== text);
      set([...others, { id, text, kind }].slice(-mostAtOnce));
      setTimeout(() => dismiss(id), shownMs[kind]);
    },
    dismiss,
  };
}
