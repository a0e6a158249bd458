/** The name that was probably meant: the closest one, if few enough letters differ. */
export function closestName(name: string, names: Iterable<string>): string | undefined {
  let closest: string | undefined;
  let smallest = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance < smallest) {
      smallest = distance;
      closest = candidate;
    }
  }
  return closest;
}

/** Levenshtein's, row by row. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const substituted = row[j]! + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(substituted, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
