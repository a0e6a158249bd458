import { type DescEnum, isFieldSet, ScalarType } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  DurationRulesSchema,
  EnumRulesSchema,
  type FieldRules,
  Int32RulesSchema,
  Int64RulesSchema,
  type StringRules,
  StringRulesSchema,
} from "#gen/buf/validate/validate_pb.js";
import { requireKnownRules, UnknownRuleError } from "./known-rules.ts";
import { fitsBytes, hasCodePoints, isText } from "./text.ts";

/** Whether a value certainly has no fault. */
export type ValueCheck = (value: unknown) => boolean;

/** The rules of a field's type, if it has any. */
export type Rules = FieldRules["type"] | undefined;

interface BoundsRules {
  greaterThan: { case?: "gt" | "gte" | undefined; value?: unknown };
  lessThan: { case?: "lt" | "lte" | undefined; value?: unknown };
}
type Measure = (value: unknown) => number | bigint;

const bounds = ["gt", "gte", "lt", "lte"];

/**
 * Patterns that mean the same in RE2 and in JavaScript beyond doubt: one class of plain ASCII characters, repeated from
 * the beginning to the end.
 */
const plainPattern = /^\^\[[ -Z_-~]+\][*+]\$$/;

/** A scalar's check; undefined if every value will do. */
export function compileScalarCheck(scalar: ScalarType, rules: Rules): ValueCheck | undefined {
  if (rules?.case === undefined) return scalar === ScalarType.STRING ? isTextValue : undefined;
  switch (rules.case) {
    case "string":
      return compileStringCheck(rules.value);
    case "int32":
      requireKnownRules(Int32RulesSchema, rules.value, bounds);
      return compileBounds(rules.value, asNumber);
    case "int64":
      requireKnownRules(Int64RulesSchema, rules.value, bounds);
      return compileBounds(rules.value, asNumber);
    default:
      throw new UnknownRuleError(rules.case);
  }
}

/** An enum's check; undefined if every number will do. */
export function compileEnumCheck(desc: DescEnum, rules: Rules): ValueCheck | undefined {
  if (rules?.case === undefined) return undefined;
  if (rules.case !== "enum") throw new UnknownRuleError(rules.case);
  requireKnownRules(EnumRulesSchema, rules.value, ["defined_only", "in", "not_in"]);
  const { definedOnly, in: only, notIn } = rules.value;
  return (value) =>
    (!definedOnly || desc.value[value as number] !== undefined) &&
    (only.length === 0 || only.includes(value as number)) &&
    !notIn.includes(value as number);
}

/** The check of a well-known message by the rules for its type; undefined if there are none. */
export function compileWellKnownCheck(rules: Rules): ValueCheck | undefined {
  if (rules?.case === undefined) return undefined;
  if (rules.case !== "duration") throw new UnknownRuleError(rules.case);
  requireKnownRules(DurationRulesSchema, rules.value, bounds);
  return compileBounds(rules.value, nanoseconds);
}

function compileStringCheck(rules: StringRules): ValueCheck {
  requireKnownRules(StringRulesSchema, rules, ["min_len", "max_len", "max_bytes", "pattern"]);
  const { field } = StringRulesSchema;
  const pattern = isFieldSet(rules, field.pattern) ? rules.pattern : undefined;
  if (pattern !== undefined && !plainPattern.test(pattern)) throw new UnknownRuleError(pattern);
  const expression = pattern === undefined ? undefined : new RegExp(pattern);
  const min = Number(rules.minLen);
  const max = isFieldSet(rules, field.maxLen) ? Number(rules.maxLen) : Number.POSITIVE_INFINITY;
  const maxBytes = isFieldSet(rules, field.maxBytes) ? Number(rules.maxBytes) : Number.POSITIVE_INFINITY;
  return (value) =>
    typeof value === "string" &&
    isText(value) &&
    hasCodePoints(value, min, max) &&
    fitsBytes(value, maxBytes) &&
    (expression === undefined || expression.test(value));
}

/** Numbers, and durations as numbers. A range that is turned inside out, as protovalidate knows it, is not known here. */
function compileBounds({ greaterThan: low, lessThan: high }: BoundsRules, measure: Measure): ValueCheck {
  const least = low.value === undefined ? undefined : measure(low.value);
  const most = high.value === undefined ? undefined : measure(high.value);
  if (least !== undefined && most !== undefined && least > most)
    throw new UnknownRuleError("an inverted range");
  return (value) => {
    const measured = measure(value);
    const enough = least === undefined || measured > least || (low.case === "gte" && measured === least);
    return enough && (most === undefined || measured < most || (high.case === "lte" && measured === most));
  };
}

function isTextValue(value: unknown): boolean {
  return typeof value === "string" && isText(value);
}

function asNumber(value: unknown): number | bigint {
  return value as number | bigint;
}

function nanoseconds(value: unknown): bigint {
  const { seconds, nanos } = value as Duration;
  return seconds * 1_000_000_000n + BigInt(nanos);
}
