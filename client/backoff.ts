const firstMs = 500;
const mostMs = 15_000;

/** How long to wait after so many failures: by chance, up to a bound that doubles, so that not all come back at once. */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(mostMs, firstMs * 2 ** Math.min(failures, 10));
}
