import { sqlServer } from "../sql-server.ts";

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
export type Frame = any;

/** The frames that a client has received, in order, and who waits for one. */
export interface FrameInbox {
  readonly frames: readonly Frame[];
  receive(frame: Frame): void;
  /** Nothing more comes: who waits is told. */
  end(): void;
  /** Waits for the answer with this ref. */
  answer(ref: string, what: string): Promise<Frame>;
  /** The first frame, received already or not, that matches and that no earlier `next` returned. */
  next(matches: (frame: Frame) => boolean, what?: string): Promise<Frame>;
  /** Waits until a frame of this kind comes that wasn't taken: `next` by the name of the oneof case. */
  kind(name: string): Promise<Frame>;
  /** The events of a room received so far. */
  events(roomId: string): Frame[];
  /** Waits until the room's event `seq` is here. */
  untilSeq(roomId: string, seq: number): Promise<void>;
}

interface WaitOptions {
  /** Waits for the answer with this ref, whatever it is. */
  ref?: string;
  /** Whether the frame is then no longer there for others; it is unless said otherwise. */
  take?: boolean;
}

interface Waiting {
  matches(frame: Frame): boolean;
  found(frame: Frame): void;
  fail(why: string): void;
}

/** Writes by the thousand take a database on a server longer, where it shares the machine. */
const timeoutMs = sqlServer === undefined ? 10_000 : 60_000;

export function createFrameInbox(): FrameInbox {
  const frames: Frame[] = [];
  const taken = new Set<Frame>();
  /** Answers by their ref: thousands may be awaited at once. */
  const answers = new Map<string, Waiting>();
  /** Who waits for a frame looks at each new one once: tens of thousands may come. */
  const waiting = new Set<Waiting>();
  let ended = false;

  function wait(what: string, matches: (frame: Frame) => boolean, as: WaitOptions = {}): Promise<Frame> {
    const { ref, take = true } = as;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        waiting.delete(entry);
        if (ref !== undefined) answers.delete(ref);
      };
      const entry: Waiting = {
        matches,
        found(frame) {
          end();
          if (take) taken.add(frame);
          resolve(frame);
        },
        fail(why) {
          end();
          const last = JSON.stringify(frames.slice(-5)).slice(0, 1000);
          reject(new Error(`${why} ${what}; last frames: ${last}`));
        },
      };
      const timer = setTimeout(() => entry.fail(`after ${timeoutMs} ms no`), timeoutMs);
      waiting.add(entry);
      if (ref !== undefined) answers.set(ref, entry);
      if (ended) entry.fail("closed without");
    });
  }

  const inbox: FrameInbox = {
    frames,
    receive(frame) {
      frames.push(frame);
      const answered = answers.get(frame.ref);
      if (answered) answered.found(frame);
      else for (const each of waiting) if (!taken.has(frame) && each.matches(frame)) each.found(frame);
    },
    end() {
      ended = true;
      for (const each of waiting) each.fail("closed without");
    },
    answer: (ref, what) => wait(what, () => false, { ref }),
    async next(matches, what = "such frame") {
      const here = frames.find((each) => !taken.has(each) && matches(each));
      if (here === undefined) return wait(what, matches);
      taken.add(here);
      return here;
    },
    kind: (name) => inbox.next((frame) => name in frame, name),
    events: (roomId) => frames.filter((frame) => frame.event?.roomId === roomId).map((frame) => frame.event),
    async untilSeq(roomId, seq) {
      const reaches = (frame: Frame) => frame.event?.roomId === roomId && Number(frame.event.seq) >= seq;
      if (!frames.some(reaches)) await wait(`event ${seq}`, reaches, { take: false });
    },
  };
  return inbox;
}
