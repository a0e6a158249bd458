import { useEffect, useState, useSyncExternalStore } from "react";

/** The value of a client's observable, as it is now. */
function useParley({ get, subscribe }) {
  return useSyncExternalStore(subscribe, get, get);
}

/** `parley`: a client that is connected, made once with createParley. */
export function ChatRoom({ parley, roomId }) {
  const room = parley.room(roomId);
  useEffect(() => room.open(), [room]);
  const { status, messages, outgoing, typing, hasOlder } = useParley(room.state);
  const { status: connection } = useParley(parley.connection);
  const [draft, setDraft] = useState("");

  if (status !== "ready") return <p role="status">{status}</p>;
  const submit = (event) => {
    event.preventDefault();
    if (draft !== "") room.send(draft);
    setDraft("");
  };
  return (
    <section>
      {connection !== "connected" && <p role="status">Offline: what you send goes out later.</p>}
      {hasOlder && (
        <button type="button" onClick={() => room.loadOlder()}>
          Older
        </button>
      )}
      <ol>
        {messages.map(
          (item) => item.kind === "message" && <Message key={item.seq} parley={parley} item={item} />,
        )}
        {outgoing.map(({ clientId, text, state }) => (
          <li key={clientId}>
            {text} ({state}){" "}
            {state === "failed" && (
              <button type="button" onClick={() => room.retry(clientId)}>
                Retry
              </button>
            )}
          </li>
        ))}
      </ol>
      {typing.length > 0 && <p>Someone is typing</p>}
      <form onSubmit={submit}>
        <input
          aria-label="Message"
          value={draft}
          onInput={(event) => {
            setDraft(event.currentTarget.value);
            room.typing();
          }}
        />
      </form>
    </section>
  );
}

function Message({ parley, item }) {
  const author = useParley(parley.user(item.authorId));
  return (
    <li>
      <b>{author?.displayName}</b> {item.deleted ? <i>deleted</i> : item.text}
      {item.reactions.map(({ emoji, count }) => ` ${emoji} ${count}`)}
    </li>
  );
}
