import type { DescEnum } from "@bufbuild/protobuf";
import { Access } from "#gen/parley/options/v1/options_pb.js";
import {
  type ErrorReason,
  errorKinds,
  httpStatuses,
  kindCodes,
  reasonHttpStatuses,
} from "../../../services/common/error-reasons.ts";
import type { Binding } from "../../rest/bindings.ts";
import { accessOf } from "./access.ts";
import type { Comments } from "./comments.ts";
import { markdownOf } from "./markdown.ts";

/**
 * Why a call may be refused: what holds for all, and what its comment names. What a service's comment names is about the
 * things that its paths address. CANCELLED is missing, which nobody is there to read.
 */
export function reasonsOf({ method, pathFields, hasBody }: Binding, comments: Comments): ErrorReason[] {
  const access = accessOf(method);
  const named = namedIn(comments(method));
  if (pathFields.length > 0) named.push(...namedIn(comments(method.parent)));
  const reasons: ErrorReason[] = [
    "INVALID_ARGUMENT",
    ...accessReasons[access],
    ...named,
    ...(hasBody ? (["PAYLOAD_TOO_LARGE"] as const) : []),
    "RATE_LIMITED",
    "INTERNAL",
    "OVERLOADED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
  ];
  return (Object.keys(errorKinds) as ErrorReason[]).filter((reason) => reasons.includes(reason));
}

/** What is said to those who may not call at all. */
const accessReasons: Readonly<Record<Access, readonly ErrorReason[]>> = {
  [Access.UNSPECIFIED]: ["UNAUTHENTICATED", "TOKEN_EXPIRED", "SESSION_REVOKED"],
  [Access.PUBLIC]: [],
  [Access.SERVER_KEY]: ["UNAUTHENTICATED", "TOKEN_EXPIRED", "ROLE_TOO_LOW"],
};

export function statusOf(reason: ErrorReason): number {
  return reasonHttpStatuses[reason] ?? httpStatuses[kindCodes[errorKinds[reason]]];
}

/** What a reason means, from the comments of the enum that lists them, without the code that these begin with. */
export function describeReason(reason: ErrorReason, reasons: DescEnum, comments: Comments): string {
  const value = reasons.values.find(({ name }) => name === `ERROR_REASON_${reason}`);
  if (!value) throw new Error(`${reasons} lacks ${reason}`);
  return markdownOf(comments(value).replace(/^[A-Z_]+: /, ""));
}

function namedIn(comment: string): ErrorReason[] {
  const words = comment.match(/\b[A-Z][A-Z_]+[A-Z]\b/g) ?? [];
  return words.filter((word) => Object.hasOwn(errorKinds, word)) as ErrorReason[];
}
