import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type Message,
  type MessageInitShape,
  ScalarType,
  setExtension,
} from "@bufbuild/protobuf";
import {
  DurationSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { createValidator as createProtovalidator } from "@bufbuild/protovalidate";
import { describe, expect, test } from "vitest";
import { FieldRulesSchema, field as fieldRules, Ignore } from "#gen/buf/validate/validate_pb.js";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { ClientFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { compileQuickCheck } from "./quick-check.ts";
import { findTextFaults } from "./text-faults.ts";

const services = [AdminService, AuthService, MessageService, RealtimeService, RoomService, UserService];
const schemas = [...services.flatMap(({ methods }) => methods.map(({ input }) => input)), ClientFrameSchema];
const messagesPerSchema = 400;

/** Every number and length at which a rule of the contracts changes its mind, and their neighbours. */
const edges = [0, 1, 2, 3, 8, 21, 32, 64, 100, 128, 200, 500, 512, 1000, 8000].flatMap((n) => [
  n - 1,
  n,
  n + 1,
]);
const characters = ["a", "Z", "0", ".", "~", " ", "é", "\u2028", "😀", "\ud800", "\udc00", "\0", "\n"];
const seconds = [-1n, 0n, 1n, 2n, 2_591_999n, 2_592_000n, 2_592_001n, 2n ** 63n - 1n, -(2n ** 63n)];

/** mulberry32: small, and the same everywhere. */
function createRandom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    chance: (p: number) => next() < p,
    pick: <T>(all: readonly T[]) => all[Math.floor(next() * all.length)] as T,
  };
}
type Random = ReturnType<typeof createRandom>;

function randomText({ chance, pick }: Random): string {
  if (chance(0.5)) return "plain-text";
  const text = pick(characters).repeat(Math.max(0, pick(edges)));
  return chance(0.5) ? text : text + pick(characters);
}

function randomScalar(random: Random, scalar: ScalarType): unknown {
  switch (scalar) {
    case ScalarType.STRING:
      return randomText(random);
    case ScalarType.INT64:
      return random.chance(0.7) ? 1n : BigInt(random.pick([...edges, Number.MAX_SAFE_INTEGER]));
    case ScalarType.INT32:
      return random.chance(0.7) ? 1 : random.pick([...edges, 9999, 10_000, 10_001, 2_147_483_647]);
    case ScalarType.BOOL:
      return random.chance(0.5);
    default:
      throw new Error(`no contract has a field of type ${ScalarType[scalar]}`);
  }
}

function randomValue(random: Random, field: DescField): unknown {
  const single = () => {
    if (field.message !== undefined) return randomMessage(random, field.message);
    return field.enum !== undefined ? random.pick([-1, 0, 1, 2, 9]) : randomScalar(random, field.scalar);
  };
  if (field.fieldKind === "map") return Object.fromEntries([[randomText(random), single()]]);
  if (field.fieldKind !== "list") return single();
  return Array.from({ length: random.chance(0.7) ? 1 : random.pick([0, 2, 100, 101, 200, 201]) }, single);
}

function randomMessage(random: Random, schema: DescMessage): Message {
  if (schema.typeName === DurationSchema.typeName) {
    return create(DurationSchema, {
      seconds: random.pick(seconds),
      nanos: random.pick([0, 0, 1, 999_999_999, -1]),
    });
  }
  const init: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (random.chance(0.15)) continue;
    const value = randomValue(random, field);
    if (field.oneof === undefined) init[field.localName] = value;
    else if (random.chance(0.5)) init[field.oneof.localName] = { case: field.localName, value };
  }
  return create(schema, init as MessageInitShape<typeof schema>);
}

const protovalidate = createProtovalidator();

/** What the quick check must answer. */
function hasNoFault(schema: DescMessage, message: Message): boolean {
  const result = protovalidate.validate(schema, message);
  if (result.kind === "error") throw result.error;
  return result.kind === "valid" && findTextFaults(schema, message).length === 0;
}

/** Compares the two over many messages; answers how many were good. */
function compare(schema: DescMessage, seed: number): number {
  const check = compileQuickCheck(schema);
  const random = createRandom(seed);
  let good = 0;
  for (let i = 0; i < messagesPerSchema; i++) {
    const message = randomMessage(random, schema);
    const expected = hasNoFault(schema, message);
    if (check?.(message as never) !== expected) {
      expect.fail(
        `${schema.typeName}, seed ${seed}: ${expected ? "refused" : "accepted"} ${toText(message)}`,
      );
    }
    if (expected) good++;
  }
  return good;
}

function toText(message: Message): string {
  return JSON.stringify(message, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
}

/** A message of one field, which has these rules. */
function schemaWith(
  rules: MessageInitShape<typeof FieldRulesSchema>,
  type: FieldDescriptorProto_Type,
): DescMessage {
  const options = create(FieldOptionsSchema);
  setExtension(options, fieldRules, create(FieldRulesSchema, rules));
  const file = create(FileDescriptorProtoSchema, {
    name: "ruled.proto",
    syntax: "proto3",
    messageType: [
      {
        name: "Ruled",
        field: [{ name: "value", number: 1, label: FieldDescriptorProto_Label.OPTIONAL, type, options }],
      },
    ],
  });
  const schema = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage("Ruled");
  if (schema === undefined) throw new Error("Ruled is not in its own file");
  return schema;
}

const { INT32, INT64, STRING } = FieldDescriptorProto_Type;

describe("the quick check agrees with protovalidate", () => {
  test.each(schemas.map((schema) => [schema.typeName, schema] as const))("on %s", (_, schema) => {
    expect(compare(schema, 1)).toBeGreaterThan(0);
  });

  test.each<[string, MessageInitShape<typeof FieldRulesSchema>, FieldDescriptorProto_Type]>([
    [
      "gt and lt",
      {
        type: {
          case: "int32",
          value: { greaterThan: { case: "gt", value: 1 }, lessThan: { case: "lt", value: 200 } },
        },
      },
      INT32,
    ],
    ["gt alone", { type: { case: "int64", value: { greaterThan: { case: "gt", value: 0n } } } }, INT64],
    ["lt alone", { type: { case: "int64", value: { lessThan: { case: "lt", value: 2n } } } }, INT64],
    ["max_len 0", { type: { case: "string", value: { maxLen: 0n } } }, STRING],
    ["max_bytes", { type: { case: "string", value: { maxBytes: 64n } } }, STRING],
    [
      "a pattern that needs a character",
      { type: { case: "string", value: { pattern: "^[a-z-]+$" } } },
      STRING,
    ],
  ])("on %s", (_, rules, type) => {
    expect(compare(schemaWith(rules, type), 2)).toBeGreaterThan(0);
  });
});

test.each<[string, MessageInitShape<typeof FieldRulesSchema>, FieldDescriptorProto_Type]>([
  ["formats", { type: { case: "string", value: { wellKnown: { case: "email", value: true } } } }, STRING],
  ["patterns beyond a class", { type: { case: "string", value: { pattern: "^a|b$" } } }, STRING],
  ["CEL", { cel: [{ id: "x", expression: "this > 1" }] }, INT32],
  ["required", { required: true }, STRING],
  ["ignore", { ignore: Ignore.IF_ZERO_VALUE, type: { case: "string", value: { minLen: 3n } } }, STRING],
  ["lists of values", { type: { case: "int32", value: { in: [1, 2] } } }, INT32],
  [
    "ranges turned inside out",
    {
      type: {
        case: "int32",
        value: { greaterThan: { case: "gt", value: 9 }, lessThan: { case: "lt", value: 1 } },
      },
    },
    INT32,
  ],
])("leaves %s to protovalidate", (_, rules, type) => {
  expect(compileQuickCheck(schemaWith(rules, type))).toBeUndefined();
});
