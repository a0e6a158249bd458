import { toBinary } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type StatusObject, status as statusCodes } from "@grpc/grpc-js";
import { StatusSchema } from "#gen/google/rpc/status_pb.js";
import { bufferOf } from "../buffers.ts";
import { InvalidArgumentError, toConnectError, toStatus } from "../errors.ts";
import { requestIdHeader } from "./caller.ts";

type PartialStatus = Pick<StatusObject, "code" | "details"> & { metadata?: Metadata | null };

/** Where gRPC carries the whole google.rpc.Status of an error. */
export const detailsKey = "grpc-status-details-bin";

/** An error as gRPC answers it: code and message, and behind them everything that the other surfaces show of it. */
export function grpcStatusOf(error: unknown): StatusObject {
  const status = toStatus(error);
  const metadata = new Metadata();
  metadata.set(detailsKey, bufferOf(toBinary(StatusSchema, status)));
  return { code: status.code, details: status.message, metadata };
}

/**
 * What grpc-js itself answers, as Parley says it: it refuses messages above the limit, ends calls at their deadline and
 * so on by a bare code. Answers what carries details already as it is, with the request's id.
 */
export function completeStatus(status: PartialStatus, requestId: string): StatusObject {
  const { code, details, metadata } = isComplete(status) ? status : grpcStatusOf(plainError(status));
  const completed = metadata?.clone() ?? new Metadata();
  if (code !== statusCodes.OK) completed.set(requestIdHeader, requestId);
  return { code, details, metadata: completed };
}

function isComplete({ code, metadata }: PartialStatus): boolean {
  return code === statusCodes.OK || (metadata?.get(detailsKey).length ?? 0) > 0;
}

/** How grpc-js answers calls that are the client's fault: bytes that it can't read, and no message or two of them. */
const clientFaults: Readonly<Partial<Record<number, readonly string[]>>> = {
  [statusCodes.INTERNAL]: ["Invalid grpc-timeout value", "Failed to decompress message"],
  [statusCodes.UNIMPLEMENTED]: ["Received no request message", "Received a second request message"],
};

function plainError({ code, details }: PartialStatus): ConnectError {
  const isFault = clientFaults[code]?.some((fault) => details.startsWith(fault));
  if (isFault) return toConnectError(new InvalidArgumentError([{ field: "", description: details }]));
  return toConnectError(new ConnectError(details, code as number as Code));
}
