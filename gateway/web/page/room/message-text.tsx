import { linkify } from "../text/linkify.ts";

const emojiOnly = /^(?:\p{RGI_Emoji}\s?){1,6}$/v;

/** What was written, as it was written, with links to follow. It becomes text, never HTML. */
export function MessageText({ text }: { text: string }) {
  return (
    <div class={emojiOnly.test(text) ? "message-text message-emoji" : "message-text"}>
      {linkify(text).map((part, at) =>
        part.href ? (
          <a key={at} href={part.href} target="_blank" rel="noopener noreferrer nofollow ugc">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </div>
  );
}
