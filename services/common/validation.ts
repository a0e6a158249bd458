import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { FieldViolation } from "./errors.ts";

/** Checks messages against the rules of their contract. */
export interface Validator {
  /** Every fault of the message, in the order of its fields; empty if there is none. */
  validate<D extends DescMessage>(schema: D, message: MessageShape<D>): FieldViolation[];
}

export declare function createValidator(): Validator;
