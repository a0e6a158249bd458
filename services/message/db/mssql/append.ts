import type { MssqlCalls } from "../../../common/database/mssql-procedures.ts";
import { isId } from "../../../common/ids.ts";
import type { AnnounceDeletionsOp, AnnounceReadsOp, Op } from "../../types.ts";
import { type BatchAnswer, createBatchAnswer } from "./batch-answer.ts";
import { type AppendOp, changeList, type NumberedOp, opList } from "./lists.ts";
import { createPacked } from "./packed.ts";
import type { MssqlWrites } from "./procedures.ts";

/**
 * What members do and Room decides goes in one call, and so in one transaction. What is due in feeds looks for itself
 * which rooms and people it has to lock, which must be in their order: it has a call of its own, and what came before
 * it in the batch one before, and so on. If a later one fails, those before it have happened; all may be repeated.
 */
export function createAppend(calls: MssqlCalls): MssqlWrites["append"] {
  async function append(
    answer: BatchAnswer,
    ops: readonly NumberedOp[],
    published: readonly number[],
    now: number,
  ): Promise<void> {
    const known: NumberedOp[] = [];
    for (const numbered of ops) {
      if (namesIds(numbered.op)) known.push(numbered);
      else answer.set(numbered.ordinal, ["refused", "NOT_MEMBER"]);
    }
    const packed = createPacked(calls);
    const lists = { ops: opList(known, packed), changes: changeList(known, packed) };
    const { ids, texts } = packed;
    const parameters = { ...lists, ids, texts, published: JSON.stringify(published), now };
    answer.take(await calls.call("message.append", parameters));
  }

  async function announce(
    answer: BatchAnswer,
    ordinal: number,
    [name, limit]: AnnounceReadsOp | AnnounceDeletionsOp,
    now: number,
  ): Promise<void> {
    const procedure = name === "announceReads" ? "message.announce_reads" : "message.announce_deletions";
    const sets = await calls.call(procedure, { limit, now });
    answer.take(sets);
    answer.set(ordinal, ["announced", sets[0]?.[0]?.announced as number]);
  }

  return async (ops, published) => {
    const now = Date.now();
    const answer = createBatchAnswer(ops);
    let waiting: NumberedOp[] = [];
    let done = published;
    const flush = async () => {
      if (waiting.length > 0 || done.length > 0) await append(answer, waiting, done, now);
      waiting = [];
      done = [];
    };
    for (const [ordinal, op] of ops.entries()) {
      if (isAppendOp(op)) {
        waiting.push({ ordinal, op });
      } else {
        await flush();
        await announce(answer, ordinal, op, now);
      }
    }
    await flush();
    return answer.finish();
  };
}

function isAppendOp(op: Op): op is AppendOp {
  return op[0] !== "announceReads" && op[0] !== "announceDeletions";
}

/** What is no id is nobody's. Changes that Room decided are of rooms. */
function namesIds(op: AppendOp): boolean {
  return op[0] === "apply" || (isId(op[1]) && isId(op[2]));
}
