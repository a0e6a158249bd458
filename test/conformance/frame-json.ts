import { createRegistry, type JsonValue, toJson } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { type ServerFrame, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/** A frame as the JSON subprotocol has it. */
export function frameJson(frame: ServerFrame): JsonValue {
  return toJson(ServerFrameSchema, frame, { alwaysEmitImplicit: true, registry });
}
