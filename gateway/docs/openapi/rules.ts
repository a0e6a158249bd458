import { type DescField, getOption, type JsonObject, type MessageShape } from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import {
  DurationRulesSchema,
  EnumRulesSchema,
  type FieldRules,
  field as fieldOption,
  type Int32Rules,
  Int32RulesSchema,
  type Int64Rules,
  Int64RulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "#gen/buf/validate/validate_pb.js";
import { requireKnownRules } from "../../../services/common/validation/known-rules.ts";

/** What a field's `buf.validate` rules say in JSON Schema, and in words what that can't say. */
export interface Constraints {
  readonly keywords: JsonObject;
  readonly words?: string;
}

/** Throws UnknownRuleError for rules that it can't say, so that no contract has a rule that the document leaves out. */
export function constraintsOf(field: DescField): Constraints {
  const { type } = rulesOf(field);
  switch (type.case) {
    case undefined:
      return { keywords: {} };
    case "string":
      return ofString(type.value);
    case "int32":
      return { keywords: ofInt32(type.value) };
    case "int64":
      return ofInt64(type.value);
    case "enum":
      // Enums are listed without their zero, which is never sent.
      requireKnownRules(EnumRulesSchema, type.value, ["defined_only", "not_in"]);
      return { keywords: {} };
    case "repeated": {
      requireKnownRules(RepeatedRulesSchema, type.value, ["min_items", "max_items"]);
      const { minItems, maxItems } = type.value;
      return { keywords: present({ minItems: Number(minItems), maxItems: Number(maxItems) }) };
    }
    case "duration":
      return ofDuration(type.value);
    default:
      throw new Error(`${field}: the document can't say ${type.case} rules`);
  }
}

export function isListWithItems(field: DescField): boolean {
  const { type } = rulesOf(field);
  return type.case === "repeated" && type.value.minItems > 0n;
}

function rulesOf(field: DescField): FieldRules {
  return getOption(field, fieldOption);
}

function ofString(rules: MessageShape<typeof StringRulesSchema>): Constraints {
  requireKnownRules(StringRulesSchema, rules, ["min_len", "max_len", "min_bytes", "max_bytes", "pattern"]);
  const { minLen, maxLen, minBytes, maxBytes, pattern } = rules;
  // A string has no more characters than bytes.
  const keywords = present({ minLength: Number(minLen), maxLength: Number(maxLen || maxBytes), pattern });
  const bytes = [minBytes > 0n && `at least ${minBytes}`, maxBytes > 0n && `at most ${maxBytes}`].filter(
    Boolean,
  );
  return bytes.length === 0 ? { keywords } : { keywords, words: `In UTF-8 ${bytes.join(" and ")} bytes.` };
}

function ofInt32(rules: Int32Rules): JsonObject {
  requireKnownRules(Int32RulesSchema, rules, ["gt", "gte", "lt", "lte"]);
  const { greaterThan, lessThan } = rules;
  return {
    ...(greaterThan.case && {
      [greaterThan.case === "gt" ? "exclusiveMinimum" : "minimum"]: greaterThan.value,
    }),
    ...(lessThan.case && { [lessThan.case === "lt" ? "exclusiveMaximum" : "maximum"]: lessThan.value }),
  };
}

/** An int64 is a string in JSON, which has no minimum: the usual ones are patterns. */
function ofInt64(rules: Int64Rules): Constraints {
  requireKnownRules(Int64RulesSchema, rules, ["gte"]);
  const { greaterThan } = rules;
  if (greaterThan.case !== "gte") return { keywords: {} };
  if (greaterThan.value === 0n) return { keywords: { pattern: "^(0|[1-9][0-9]*)$" } };
  if (greaterThan.value === 1n) return { keywords: { pattern: "^[1-9][0-9]*$" } };
  return { keywords: {}, words: `At least ${greaterThan.value}.` };
}

function ofDuration(rules: MessageShape<typeof DurationRulesSchema>): Constraints {
  requireKnownRules(DurationRulesSchema, rules, ["gte", "lte"]);
  const seconds = (bound: Duration) => `"${durationMs(bound) / 1000}s"`;
  const { greaterThan, lessThan } = rules;
  const bounds = [
    greaterThan.case === "gte" && `at least ${seconds(greaterThan.value)}`,
    lessThan.case === "lte" && `at most ${seconds(lessThan.value)}`,
  ].filter(Boolean);
  return { keywords: {}, words: `In seconds, ${bounds.join(" and ")}.` };
}

/** Without what is not set: zero or "". */
function present(keywords: Record<string, number | string>): JsonObject {
  return Object.fromEntries(Object.entries(keywords).filter(([, value]) => value !== 0 && value !== ""));
}
