import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useToasts } from "../state/context.ts";
import { IconButton } from "./icon-button.tsx";
import { ToastList } from "./toast-list.tsx";

interface DialogProps {
  title: string;
  onClose(): void;
  children: ComponentChildren;
  /** Buttons at its end. */
  actions?: ComponentChildren;
  wide?: boolean;
}

/**
 * A dialogue over the page. The browser's own element holds the focus within, closes at Escape, and gives the focus back
 * to what had it.
 */
export function Dialog({ title, onClose, children, actions, wide }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const toasts = useToasts();
  const [depth, setDepth] = useState<number>();
  useEffect(() => {
    const entered = toasts.enter();
    setDepth(entered.depth);
    return entered.leave;
  }, [toasts]);
  useEffect(() => {
    const dialog = element.current!;
    const opener = document.activeElement;
    dialog.showModal();
    dialog.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      dialog.close();
      // The element is on its way out of the page, which keeps some browsers from giving it back.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={titleId}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
        {actions && <footer class="dialog-actions">{actions}</footer>}
      </div>
      {depth !== undefined && <ToastList depth={depth} />}
    </dialog>
  );
}
