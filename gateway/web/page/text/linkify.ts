/** A stretch of a message's text: words, or an address to follow. */
export type TextPart = { readonly text: string; readonly href?: string };

/** Addresses as people type them. What may end a sentence or enclose an address is looked at afterwards. */
const address = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/giu;
const closing: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/**
 * Cuts a text into words and links. Only http and https become links, so that none runs a script; whoever shows the
 * parts makes elements of them, never HTML.
 */
export function linkify(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const shown = withoutEnding(match[0]);
    const href = hrefOf(shown);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** Without the full stop after it, and without a bracket that was opened before it. */
function withoutEnding(shown: string): string {
  /** By closing bracket, how many of them nothing opens. Counted once: a text may be nothing but brackets. */
  const foreign = new Map<string, number>();
  for (const [close, open] of Object.entries(closing))
    foreign.set(close, count(shown, close) - count(shown, open));
  let end = shown.length;
  for (; end > 0; end--) {
    const last = shown[end - 1]!;
    const left = foreign.get(last) ?? 0;
    if (left > 0) foreign.set(last, left - 1);
    else if (!/[.,:;!?*_~]/.test(last)) break;
  }
  return shown.slice(0, end);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function hrefOf(shown: string): string | undefined {
  const url = URL.parse(/^www\./i.test(shown) ? `https://${shown}` : shown);
  return url?.hostname.includes(".") || url?.hostname === "localhost" ? url.href : undefined;
}
