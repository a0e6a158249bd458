/** The value below which the share `p` (0 to 1) of the values lies; 0 for none. Sorts in place. */
export function percentile(values: number[], p: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * p))] ?? 0;
}

export function median(values: number[]): number {
  return percentile([...values], 0.5);
}
