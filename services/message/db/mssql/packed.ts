import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import { idToBytes } from "../../../common/ids.ts";

/**
 * Gathers what a list of things for a procedure names, as message.append says: ids packed in bytes, texts in a row. The
 * list itself then holds numbers only.
 */
export interface Packed {
  /** Where the id is, counted from 1; each has one place, however often it is named. */
  id(id: string): number;
  /** Where the text begins, counted from 1, and how long it is. */
  text(text: string): { start: number; length: number };
  /** The parameters of these names. */
  readonly ids: Uint8Array;
  readonly texts: string;
}

export function createPacked({ lengthOf }: Pick<MssqlCalls, "lengthOf">): Packed {
  const places = new Map<string, number>();
  const texts: string[] = [];
  let end = 0;
  return {
    id(id) {
      const known = places.get(id);
      if (known !== undefined) return known;
      places.set(id, places.size + 1);
      return places.size;
    },
    text(text) {
      const start = end + 1;
      const length = lengthOf(text);
      texts.push(text);
      end += length;
      return { start, length };
    },
    get ids() {
      return Buffer.concat([...places.keys()].map(idToBytes));
    },
    get texts() {
      return texts.join("");
    },
  };
}
