/** Whether a string can be stored and sent on by everything that text passes through: no NUL, no half of a pair. */
export function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes("\0");
}

/** What a string that isn't must be told. */
export const notText = "must be well-formed Unicode text without NUL";

/** Whether the number of code points of well-formed text is within the bounds. Rarely has to count. */
export function hasCodePoints(value: string, min: number, max: number): boolean {
  const units = value.length;
  if (units < min || units > 2 * max) return false;
  if (units >= 2 * min && units <= max) return true;
  let points = units;
  for (let i = 0; i < units; i++) {
    if ((value.charCodeAt(i) & 0xfc00) === 0xd800) points--;
  }
  return points >= min && points <= max;
}

/** Whether text takes no more bytes of UTF-8. */
export function fitsBytes(value: string, max: number): boolean {
  return value.length * 3 <= max || (value.length <= max && Buffer.byteLength(value) <= max);
}
