import { type BenchSocket, maskedText } from "./bench-socket.ts";

/**
 * Posts by number, and what comes back of them, read where it lies in what was received: a post costs the generator a
 * few microseconds, nearly all of them in the system, so that a benchmark on one machine measures the server.
 */

const digits = 12;
const placeholder = "0".repeat(digits);
const filling = "x".repeat(100);
/** `{"ref":"` */
const refAt = 8;
const outcomeAt = refAt + digits + 3;
const textMark = Buffer.from(`"text":"`);

/** Posts numbers `first`, `first + step`, … `count` of them, in one write. */
export type Poster = (first: number, step: number, count: number) => void;

/** One frame a connection, made once and copied with the numbers filled in: as ref, as client id and in the text. */
export function createPoster(socket: BenchSocket, roomId: string): Poster {
  const clientId = `${process.pid}-${placeholder}`;
  const text = `${placeholder}/${filling}`;
  const template = maskedText(
    `{"ref":"${placeholder}","send":{"roomId":"${roomId}","clientId":"${clientId}","text":"${text}"}}`,
  );
  const numbersAt = [
    template.indexOf(placeholder),
    template.indexOf(clientId) + clientId.length - digits,
    template.indexOf(text),
  ];
  return (first, step, count) => {
    const { length } = template;
    const frames = Buffer.allocUnsafe(length * count);
    for (let i = 0; i < count; i++) {
      template.copy(frames, i * length);
      for (const at of numbersAt) writeDigits(frames, i * length + at, first + i * step);
    }
    socket.write(frames);
  };
}

/** Answers begin with their ref, `{"ref`. */
export const isAnswer = (data: Buffer, at: number) => data[at + 2] === 0x72 && data[at + 4] === 0x66;

export const refOf = (data: Buffer, at: number) => readDigits(data, at + refAt);

/** Of an answer. */
export const isAck = (data: Buffer, at: number) => data[at + outcomeAt] === 0x61;

/** Of an answer that is no ack. */
export const isRefused = (data: Buffer, at: number, end: number) =>
  data.subarray(at, end).includes("OVERLOADED");

/** The number of the post that an event is of. */
export const postedNumber = (data: Buffer, at: number) =>
  readDigits(data, data.indexOf(textMark, at) + textMark.length);

function writeDigits(bytes: Buffer, at: number, number: number): void {
  for (let rest = number, i = digits - 1; i >= 0; i--) {
    bytes[at + i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function readDigits(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = 0; i < digits; i++) number = number * 10 + (bytes[at + i] as number) - 48;
  return number;
}
