/** Text that a search may begin with. */
export interface SearchTerm {
  /** Of how many characters it is all that is looked at; 0 if it is whole. */
  readonly clippedTo: number;
  readonly term: string;
}

/**
 * What people are found by. A search finds whose username, or whose display name from the start of any of its words on,
 * begins with what was typed, whatever the case. So for "Ada O'Brien-Lovelace" there are the terms
 * "ada o'brien-lovelace", "o'brien-lovelace", "brien-lovelace" and "lovelace", and "brien" or "ada o" find her.
 *
 * A word begins after white space and wherever letters, marks and digits begin.
 *
 * Besides, each term is there clipped to what short queries hold: those find many people, and are answered by equality,
 * which gives them in the order of their usernames without a look at all others.
 */
export function searchTerms(username: string, displayName: string): SearchTerm[] {
  const terms = wholeTerms(username, displayName);
  return [
    ...terms.map((term) => ({ clippedTo: 0, term })),
    ...shortLengths.flatMap((length) => clipped(terms, length)),
  ];
}

/** The terms that a query finds: those that begin with it, or the clipped ones that it is equal to. */
export function searchPrefix(query: string): SearchTerm {
  const term = foldCase(query).replace(/\s+/gu, " ");
  const length = [...term].length;
  return { clippedTo: shortLengths.includes(length) ? length : 0, term };
}

/** A query of five characters finds one person in a thousand or so. */
const shortLengths = [2, 3, 4];

function clipped(terms: readonly string[], length: number): SearchTerm[] {
  const prefixes = terms
    .map((term) => [...term].slice(0, length))
    .filter((prefix) => prefix.length === length);
  return [...new Set(prefixes.map((prefix) => prefix.join("")))].map((term) => ({ clippedTo: length, term }));
}

function wholeTerms(username: string, displayName: string): string[] {
  const name = foldCase(displayName).replace(/\s+/gu, " ");
  const terms = new Set([username]);
  for (const { index } of name.matchAll(wordStart)) {
    terms.add(clip(name.slice(index)));
    if (terms.size > maxTerms) break;
  }
  return [...terms];
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
