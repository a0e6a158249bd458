import type { ApplyOp, MemberOp, RoomChangeRow } from "../../types.ts";
import type { Packed } from "./packed.ts";

const opNumbers = { send: 1, edit: 2, delete: 3, react: 4, unreact: 5, markRead: 6, apply: 7 } as const;

/** What message.append does. */
export type AppendOp = MemberOp | ApplyOp;

/** An op and its place in the batch. */
export interface NumberedOp {
  readonly ordinal: number;
  readonly op: AppendOp;
}

/** Within a room no op is in an earlier step than one before it; sends are in even steps. */
export function opList(ops: readonly NumberedOp[], packed: Packed): string {
  const steps = new Map<string, number>();
  const list = ops.map(({ ordinal, op }) => {
    const [name, roomId] = op;
    const parity = name === "send" ? 0 : 1;
    const last = steps.get(roomId) ?? 0;
    const step = last % 2 === parity ? last : last + 1;
    steps.set(roomId, step);
    const { seq, key, text } = contentOf(op);
    return {
      ordinal,
      step,
      op: opNumbers[name],
      room: packed.id(roomId),
      user: op[0] === "apply" ? 0 : packed.id(op[2]),
      seq,
      ...place("key", key, packed),
      ...place("text", text, packed),
    };
  });
  return JSON.stringify(list);
}

interface Content {
  seq: number;
  key?: string | undefined;
  text?: string;
}

function contentOf(op: AppendOp): Content {
  switch (op[0]) {
    case "send":
      return { seq: op[5], key: op[3], text: op[4] };
    case "edit":
    case "react":
    case "unreact":
      return { seq: op[3], key: op[5] || undefined, text: op[4] };
    case "apply":
      return { seq: 0 };
    default:
      return { seq: op[3] };
  }
}

/** Every thing of a list has all fields: not every server keeps them apart otherwise. */
function place(name: string, text: string | undefined, packed: Packed): Record<string, number> {
  const { start, length } = text === undefined ? { start: 0, length: 0 } : packed.text(text);
  return { [`${name}_start`]: start, [`${name}_length`]: length };
}

/** The changes of all ops that apply some. */
export function changeList(ops: readonly NumberedOp[], packed: Packed): string {
  const list = ops.flatMap(({ ordinal, op }) =>
    op[0] === "apply" ? op[2].map((change) => ({ ordinal, ...placesOf(change, packed) })) : [],
  );
  return JSON.stringify(list);
}

function placesOf(change: RoomChangeRow, packed: Packed) {
  return {
    version: change.version,
    change: packed.id(change.changeId),
    actor: packed.id(change.actorId),
    subject: packed.id(change.userId || change.actorId),
    at: change.at,
    kind: change.kind,
    role: change.role,
    ...place("name", change.name, packed),
    ...place("topic", change.topic, packed),
    invitation: change.invitationId === "" ? 0 : packed.id(change.invitationId),
  };
}
