import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Path, pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator as createProtovalidator } from "@bufbuild/protovalidate";
import type { FieldViolation } from "./errors.ts";
import { describeViolation } from "./validation/descriptions.ts";
import { compileQuickCheck, type QuickCheck } from "./validation/quick-check.ts";
import { notText } from "./validation/text.ts";
import { findTextFaults } from "./validation/text-faults.ts";

/** Checks messages against the rules of their contract, and that every string in them is text. */
export interface Validator {
  /** Every fault of the message, in the order of its fields; empty if there is none. */
  validate<D extends DescMessage>(schema: D, message: MessageShape<D>): FieldViolation[];
}

interface Fault {
  path: Path;
  description: string;
}

export function createValidator(): Validator {
  const protovalidate = createProtovalidator();
  const quickChecks = new Map<DescMessage, QuickCheck | undefined>();

  function quickCheckOf(schema: DescMessage): QuickCheck | undefined {
    let check = quickChecks.get(schema);
    if (check === undefined && !quickChecks.has(schema)) {
      check = compileQuickCheck(schema);
      quickChecks.set(schema, check);
    }
    return check;
  }

  function brokenRules<D extends DescMessage>(schema: D, message: MessageShape<D>): Fault[] {
    const result = protovalidate.validate(schema, message);
    if (result.kind === "error") throw result.error;
    const violations = result.violations ?? [];
    return violations.map((violation) => ({
      path: violation.field,
      description: describeViolation(violation),
    }));
  }

  return {
    validate(schema, message) {
      if (quickCheckOf(schema)?.(message)) return [];
      const unreadable = findTextFaults(schema, message).map((path) => ({ path, description: notText }));
      return [...brokenRules(schema, message), ...unreadable].sort(byPosition).map(toFieldViolation);
    },
  };
}

function toFieldViolation({ path, description }: Fault): FieldViolation {
  return { field: pathToString(path), description };
}

/** As fields stand in the contract and items in their list; entries of maps stay as they come. */
function byPosition(a: Fault, b: Fault): number {
  for (let i = 0; i < a.path.length && i < b.path.length; i++) {
    const difference = positionOf(a.path[i]) - positionOf(b.path[i]);
    if (difference !== 0) return difference;
  }
  return a.path.length - b.path.length;
}

function positionOf(step: Path[number] | undefined): number {
  switch (step?.kind) {
    case "field":
      return step.parent.fields.indexOf(step);
    case "oneof":
      return positionOf(step.fields[0]);
    case "list_sub":
      return step.index;
    default:
      return 0;
  }
}
