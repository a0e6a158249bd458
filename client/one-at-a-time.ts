import type { LoadOptions } from "./room-types.ts";

/** Who asks while it is under way waits for that. */
export function oneAtATime(
  work: (options?: LoadOptions) => Promise<void>,
): (options?: LoadOptions) => Promise<void> {
  let underWay: Promise<void> | undefined;
  return (options) => {
    underWay ??= work(options).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
