/** U+FE0F asks for the colourful form of the character before it. */
const variationSelector = "\u{FE0F}";
const oneEmoji = /^\p{RGI_Emoji}$/v;
const selectedEmoji = /(\p{Emoji})\u{FE0F}/gu;
/** What is text unless it says otherwise; a skin tone after it says so too. */
const plainEmoji = /\p{Emoji}(?<!\p{Emoji_Presentation})(?!\p{Emoji_Modifier})/gu;

/**
 * The emoji in its fully qualified form, whichever variation selectors it came with or without; undefined if it is not
 * one emoji that is recommended for general interchange (RGI, https://unicode.org/reports/tr51). In that form a selector
 * stands after each character that is text by default and has no skin tone, and nowhere else.
 */
export function toQualifiedEmoji(text: string): string | undefined {
  const bare = text.replace(selectedEmoji, "$1");
  const qualified = bare.replace(plainEmoji, `$&${variationSelector}`);
  if (oneEmoji.test(qualified)) return qualified;
  return undefined;
}
