/**
 * What people are found by. A search finds whose username, or whose display name from the start of any of its words on,
 * begins with what was typed, whatever the case. So for "Ada O'Brien-Lovelace" there are the terms
 * "ada o'brien-lovelace", "o'brien-lovelace", "brien-lovelace" and "lovelace", and "brien" or "ada o" find her.
 *
 * A word begins after white space and wherever letters, marks and digits begin.
 */
export function searchTerms(username: string, displayName: string): string[] {
  const name = foldCase(displayName).replace(/\s+/gu, " ");
  const terms = new Set([username]);
  for (const { index } of name.matchAll(wordStart)) {
    terms.add(clip(name.slice(index)));
    if (terms.size > maxTerms) break;
  }
  return [...terms];
}

/** A query in the form that terms have. */
export function searchPrefix(query: string): string {
  return foldCase(query).replace(/\s+/gu, " ");
}

/**
 * Folds what differs in case or compatibility form only: NFKC, then each character to lower, upper and lower case, which
 * makes "ẞ", "ß" and "SS", or the three sigmas, the same, as full case folding does. Character by character, since the
 * lower case of a whole text depends on where its words end, and a prefix has other ends. Accents stay.
 */
export function foldCase(text: string): string {
  let folded = "";
  for (const character of text.normalize("NFKC")) {
    for (const upper of character.toLowerCase().toUpperCase()) folded += upper.toLowerCase();
  }
  return folded.normalize("NFKC");
}

const wordStart = /(?<![^\s])\S|(?<![\p{L}\p{M}\p{N}])[\p{L}\p{M}\p{N}]/gu;

/** A display name of 100 characters has at most 50 words; compatibility forms can be blown up to more. */
const maxTerms = 50;
const maxTermLength = 200;

/** By whole characters: half of one can't be stored. */
function clip(term: string): string {
  if (term.length <= maxTermLength) return term;
  const cut = term.slice(0, maxTermLength);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
