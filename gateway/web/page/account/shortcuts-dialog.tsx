import { Dialog } from "../parts/dialog.tsx";

const command = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";

const groups: readonly (readonly [string, readonly (readonly [keys: readonly string[], what: string])[]])[] =
  [
    [
      "Anywhere",
      [
        [[command, "K"], "Find a room or a person"],
        [["Alt", "↑"], "Room above"],
        [["Alt", "↓"], "Room below"],
        [["Esc"], "Close what is open, then go to the message field"],
        [["?"], "Show these shortcuts"],
      ],
    ],
    [
      "Message field",
      [
        [["Enter"], "Send"],
        [["Shift", "Enter"], "New line"],
        [["↑"], "Edit your last message, if the field is empty"],
        [["Shift", "Tab"], "Go to the messages"],
      ],
    ],
    [
      "Messages",
      [
        [["↑"], "Message before"],
        [["↓"], "Message after"],
        [["Home"], "Oldest that is loaded"],
        [["End"], "Newest"],
        [["R"], "Reply"],
        [["A"], "React"],
        [["E"], "Edit"],
        [["Delete"], "Delete"],
      ],
    ],
  ];

/** What keys do. */
export function ShortcutsDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} wide>
      <div class="shortcuts">
        {groups.map(([title, entries]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {entries.map(([keys, what]) => (
                <div key={what} class="shortcut">
                  <dt>
                    {keys.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
