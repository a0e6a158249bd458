/**
 * Notices that the other end of a stream is silent: it shows a sign of life every second, so one that shows none for
 * four hangs, though its host may still acknowledge what is sent to it. Turns of a timer are counted instead of time, so
 * that a stall of one's own, over which all signs wait to be read, is not taken for the other's silence.
 */
export interface SilenceWatch {
  /** A sign of life. */
  heard(): void;
  stop(): void;
}

const turnMs = 1000;
const maxTurns = 4;

export function watchSilence(silent: () => void): SilenceWatch {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
    if (turns === maxTurns) silent();
  }, turnMs);
  return {
    heard() {
      turns = 0;
    },
    stop: () => clearInterval(timer),
  };
}
