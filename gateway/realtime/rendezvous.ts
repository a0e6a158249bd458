/**
 * Rendezvous hashing: every key goes to the member that scores highest for it. Whoever knows the same members chooses
 * the same one, and when a member comes or goes only the keys that it gets or had move.
 */
export function createRendezvous<T>(members: Iterable<readonly [id: string, member: T]>) {
  // In the order of their ids, so that equal scores are decided the same way everywhere.
  const scored = [...members]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, member]) => ({ member, hash: hashOf(id) }));

  /** Undefined if there is no member. */
  return (key: string): T | undefined => {
    if (scored.length < 2) return scored[0]?.member;
    const keyHash = hashOf(key);
    let best: T | undefined;
    let highest = -1;
    for (const { member, hash } of scored) {
      const score = mix(keyHash ^ hash);
      if (score <= highest) continue;
      highest = score;
      best = member;
    }
    return best;
  };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3: every bit of the input counts for every bit of the score. */
function mix(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
