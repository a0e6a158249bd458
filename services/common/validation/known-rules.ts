import { type DescMessage, isFieldSet, type Message, type MessageShape } from "@bufbuild/protobuf";

/** A rule, or a type of field, that only protovalidate understands. */
export class UnknownRuleError extends Error {
  override readonly name = "UnknownRuleError";
}

/** Throws UnknownRuleError if any rule is set but these. Examples are no rules. */
export function requireKnownRules<D extends DescMessage>(
  schema: D,
  rules: MessageShape<D>,
  known: readonly string[],
): void {
  const unknown = schema.fields.find(
    (field) => isFieldSet(rules, field) && field.name !== "example" && !known.includes(field.name),
  );
  if (unknown !== undefined) throw new UnknownRuleError(`${schema.typeName}.${unknown.name}`);
  if ((rules as Message).$unknown?.length) throw new UnknownRuleError(`an extension of ${schema.typeName}`);
}
