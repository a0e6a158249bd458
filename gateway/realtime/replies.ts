import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { toStatus } from "../../services/common/errors.ts";
import type { Connection } from "./connection.ts";
import { createFrame } from "./server-frame.ts";

type Kind = NonNullable<MessageInitShape<typeof ServerFrameSchema>["kind"]>;

/** Answers the frame that had this ref. */
export function reply(connection: Connection, ref: string | undefined, kind: Kind): void {
  connection.answer(createFrame(ref === undefined ? { kind } : { ref, kind }));
}

/** Refuses the frame that had this ref. */
export function fail(connection: Connection, ref: string | undefined, error: unknown): void {
  reply(connection, ref, { case: "error", value: toStatus(error) });
}
