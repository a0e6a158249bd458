/**
 * A comment of the contracts, for readers of JSON: fields by their JSON names, and what is typed as it stands is set as
 * code.
 */
export function markdownOf(comment: string): string {
  // Every other part is code already.
  return comment
    .split("`")
    .map((part, i) => (i % 2 === 1 ? part : withCode(part)))
    .join("`");
}

/** Its first clause. */
export function summaryOf(markdown: string): string {
  const [clause = ""] = markdown.split(/(?<=[^.\s]{2})[.:;](?:\s|$)/, 1);
  return clause;
}

function withCode(text: string): string {
  return text
    .replace(/\b[a-z]+(_[a-z]+)+\b/g, (name) => `\`${jsonNameOf(name)}\``)
    .replace(/\b[A-Z]+(_[A-Z]+)+\b/g, "`$&`");
}

function jsonNameOf(protoName: string): string {
  return protoName.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
