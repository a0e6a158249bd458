import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import type { ReadProcedures, WriteProcedures } from "../procedures.ts";
import { createAppend } from "./append.ts";
import { createMessageReads } from "./read-messages.ts";
import { createPersonReads } from "./read-people.ts";
import { createRoomReads } from "./read-rooms.ts";
import { createTimelineReads } from "./read-timeline.ts";

/** What the database does, as it is called here: each procedure is in the .sql file of its name. */
type Asynchronous<Procedures> = {
  [Name in keyof Procedures]: Procedures[Name] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Answer>
    : never;
};

export type MssqlWrites = Asynchronous<WriteProcedures>;
export type MssqlReads = Asynchronous<ReadProcedures>;

export function createProcedures(calls: MssqlCalls): MssqlWrites {
  return {
    append: createAppend(calls),
    async erase(limit) {
      const [[row] = []] = await calls.call("message.erase", { limit });
      return row?.more === 1;
    },
    async pruneFeeds(before, limit) {
      const [[row] = []] = await calls.call("message.prune_feeds", { before, limit });
      return row?.entries === limit;
    },
  };
}

export function createReadProcedures(calls: MssqlCalls): MssqlReads {
  return {
    ...createRoomReads(calls),
    ...createTimelineReads(calls),
    ...createMessageReads(calls),
    ...createPersonReads(calls),
  };
}
