import { afterEach, beforeEach, vi } from "vitest";

/** In the tests of a file, or of a `describe`: time passes when they say so, and chance is always the middle. */
export function useTestClock(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}
