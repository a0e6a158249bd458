import {
  create,
  createRegistry,
  type DescMethod,
  type JsonObject,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "#gen/google/rpc/status_pb.js";

/** An answer as REST gives it, whatever surface it came by: what one says otherwise is put in REST's terms. */
export interface Answer {
  /** HTTP's. */
  readonly status: number;
  /** The response message or the google.rpc.Status, in Protobuf JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape, which the test asserts
  readonly body: any;
  /** What came beside it: headers and trailers. */
  readonly headers: Headers;
}

const registry = createRegistry(BadRequestSchema, ErrorInfoSchema, RetryInfoSchema);

/** api.md's table of codes and HTTP statuses, by number of the code. */
const httpStatuses: Readonly<Record<number, number>> = {
  1: 499,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};
const reasonStatuses: Readonly<Record<string, number>> = { METHOD_NOT_ALLOWED: 405, PAYLOAD_TOO_LARGE: 413 };

export function goodAnswer(method: DescMethod, message: Message, headers: Headers): Answer {
  return { status: 200, body: toJson(method.output, message, { alwaysEmitImplicit: true }), headers };
}

export function badAnswer(status: Status, headers: Headers): Answer {
  const body = toJson(StatusSchema, status, {
    registry,
    alwaysEmitImplicit: true,
  }) as unknown as JsonObject & {
    details: { reason?: string }[];
  };
  const reason = body.details.find((detail) => detail.reason !== undefined)?.reason ?? "";
  return { status: reasonStatuses[reason] ?? httpStatuses[status.code] ?? 0, body, headers };
}

/** The refusal that Connect's libraries threw. Rethrows what isn't one: a fault of the connection or of ours. */
export function answerOfError(error: unknown): Answer {
  if (!(error instanceof ConnectError)) throw error;
  const status = create(StatusSchema, {
    code: error.code,
    message: error.rawMessage,
    details: error.details.map((detail) =>
      "desc" in detail
        ? anyPack(detail.desc, create(detail.desc, detail.value))
        : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
    ),
  });
  return badAnswer(status, error.metadata);
}

/** Bytes that are no message of any type: a field that says it is longer than what follows. */
export const undecodableBytes: Uint8Array = Uint8Array.of(0x0a, 0x09, 0x01);
/** JSON that is none. */
export const undecodableText = "{nonsense";
