/** Says on standard error how far long work is. */
export interface Progress {
  step(done: number, total: number): void;
  /** Says on standard output how it ended. */
  end(outcome: string, bytes: number): void;
}

/** A terminal's line is written over; elsewhere lines add up, and fewer are enough. */
const pauseMs = { terminal: 200, other: 10_000 };

/** Of work on so many bytes. */
export function createProgress(what: string): Progress {
  const { isTTY } = process.stderr;
  const startedAt = performance.now();
  let saidAt = startedAt;
  return {
    step(done, total) {
      const now = performance.now();
      if (now - saidAt < (isTTY ? pauseMs.terminal : pauseMs.other)) return;
      saidAt = now;
      const line = `${what}: ${Math.floor((done / Math.max(total, 1)) * 100)} % of ${mebibytes(total)}`;
      process.stderr.write(isTTY ? `\r${line}\u001b[K` : `${line}\n`);
    },
    end(outcome, bytes) {
      if (isTTY) process.stderr.write("\r\u001b[K");
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${what}: ${mebibytes(bytes)} ${outcome} in ${seconds} s`);
    },
  };
}

/** For people. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toLocaleString("en", { maximumFractionDigits: 1 })} MiB`;
}
