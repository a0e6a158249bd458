import type { MssqlCalls } from "./mssql-procedures.ts";

/** For mssql-faults.test.ts; the procedures are in test-increase.sql. */
export interface IncreaseProcedures {
  /** Raises the numbers of three items, by their names, one after the other. */
  increase(first: string, second: string, third: string): void;
}

export interface CountProcedures {
  count(): number;
}

export function createProcedures(calls: MssqlCalls) {
  return {
    async increase(first: string, second: string, third: string): Promise<void> {
      await calls.call("room.increase", { first, second, third });
    },
  };
}

export function createReadProcedures(calls: MssqlCalls) {
  return {
    async count(): Promise<number> {
      const [[row] = []] = await calls.read("room.count_items", {});
      return row?.number as number;
    },
  };
}
