import { type DescEnum, type DescField, getOption, isFieldSet } from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import type { Violation } from "@bufbuild/protovalidate";
import {
  type EnumRules,
  field as fieldOption,
  type RepeatedRules,
  RepeatedRulesSchema,
  type StringRules,
  StringRulesSchema,
} from "#gen/buf/validate/validate_pb.js";
import type { Rules } from "./value-checks.ts";

type Bound = bigint | number | string | undefined;

/**
 * What a value must be, for people: the whole rule ("must be 3 to 32 characters") where protovalidate names the broken
 * half of it or shows the expression. Rules that aren't known here keep protovalidate's words.
 */
export function describeViolation(violation: Violation): string {
  const target = violation.field.at(-1);
  if (target?.kind === "oneof")
    return `one of ${target.fields.map(({ name }) => name).join(", ")} is required`;
  if (violation.ruleId === "required") return "is required";
  const known = target?.kind === "field" ? describeRule(violation.ruleId, target) : undefined;
  return known ?? violation.message;
}

function describeRule(ruleId: string, field: DescField): string | undefined {
  const rules: Rules = getOption(field, fieldOption).type;
  switch (rules.case) {
    case "string":
      return describeString(ruleId, rules.value);
    case "repeated":
      return ruleId.endsWith("_items") ? describeItems(rules.value) : undefined;
    case "enum":
      return field.fieldKind === "enum" ? describeEnum(field.enum, rules.value) : undefined;
    case "int32":
      return range("must be", inclusive(rules.value, "gte"), inclusive(rules.value, "lte"), "");
    case "int64":
      return range("must be", inclusive(rules.value, "gte"), inclusive(rules.value, "lte"), "");
    case "duration":
      return range(
        "must be",
        duration(inclusive(rules.value, "gte")),
        duration(inclusive(rules.value, "lte")),
        "",
      );
    default:
      return undefined;
  }
}

function describeString(ruleId: string, rules: StringRules): string | undefined {
  const { field } = StringRulesSchema;
  const bound = (name: "minLen" | "maxLen" | "minBytes" | "maxBytes") =>
    isFieldSet(rules, field[name]) ? rules[name] : undefined;
  switch (ruleId) {
    case "string.min_len":
    case "string.max_len":
      return range("must be", bound("minLen"), bound("maxLen"), " characters");
    case "string.min_bytes":
    case "string.max_bytes":
      return range("must be", bound("minBytes"), bound("maxBytes"), " bytes of UTF-8");
    case "string.pattern":
      return describePattern(rules.pattern);
    default:
      return undefined;
  }
}

/** A pattern that is one class of characters, by its characters. */
function describePattern(pattern: string): string | undefined {
  const characters = /^\^\[([^\\[\]^]+)\][*+]\$$/.exec(pattern)?.[1];
  if (characters === undefined) return undefined;
  if (characters === "!-~") return "may only contain visible ASCII characters";
  return `may only contain ${characters.match(/.-.|./g)?.join(" ")}`;
}

function describeItems(rules: RepeatedRules): string | undefined {
  const { minItems, maxItems } = RepeatedRulesSchema.field;
  const min = isFieldSet(rules, minItems) ? rules.minItems : undefined;
  const max = isFieldSet(rules, maxItems) ? rules.maxItems : undefined;
  return range("must have", min, max, " items");
}

function describeEnum(desc: DescEnum, rules: EnumRules): string {
  const allowed = desc.values.filter(
    ({ number }) => !rules.notIn.includes(number) && (rules.in.length === 0 || rules.in.includes(number)),
  );
  return `must be one of ${allowed.map(({ name }) => name).join(", ")}`;
}

/** Undefined where neither bound says it all. */
function range(verb: string, min: Bound, max: Bound, unit: string): string | undefined {
  if (min !== undefined && max !== undefined) return `${verb} ${min} to ${max}${unit}`;
  if (max !== undefined) return `${verb} at most ${max}${unit}`;
  return min === undefined ? undefined : `${verb} at least ${min}${unit}`;
}

function inclusive<T>(
  rules: {
    greaterThan: { case?: string | undefined; value?: T };
    lessThan: { case?: string | undefined; value?: T };
  },
  bound: "gte" | "lte",
): T | undefined {
  const rule = bound === "gte" ? rules.greaterThan : rules.lessThan;
  return rule.case === bound ? rule.value : undefined;
}

function duration(value: Duration | undefined): string | undefined {
  if (value === undefined) return undefined;
  const seconds = durationMs(value) / 1000;
  const days = seconds / 86_400;
  return days >= 1 && Number.isInteger(days) ? `${days} days` : `${seconds} s`;
}
