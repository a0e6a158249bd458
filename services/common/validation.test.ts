import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RegisterRequestSchema } from "#gen/parley/auth/v1/auth_service_pb.js";
import { SendMessageRequestSchema } from "#gen/parley/message/v1/message_service_pb.js";
import { ClientFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import {
  AcceptInvitationRequestSchema,
  CreateInvitationRequestSchema,
  CreateRoomRequestSchema,
  UpdateMemberRequestSchema,
} from "#gen/parley/room/v1/room_service_pb.js";
import { BatchGetUsersRequestSchema } from "#gen/parley/user/v1/user_service_pb.js";
import { createValidator } from "./validation.ts";

const validator = createValidator();
const notText = "must be well-formed Unicode text without NUL";

test("a good message has no faults", () => {
  const message = create(SendMessageRequestSchema, { clientId: "c1", text: "👋", replyToSeq: 1n });
  expect(validator.validate(SendMessageRequestSchema, message)).toEqual([]);
});

test("every fault is listed, in the order of the fields", () => {
  const message = create(SendMessageRequestSchema, {
    roomId: "\0",
    clientId: "ü".repeat(65),
    replyToSeq: 0n,
  });
  expect(validator.validate(SendMessageRequestSchema, message)).toEqual([
    { field: "room_id", description: notText },
    { field: "client_id", description: "must be 1 to 64 characters" },
    { field: "client_id", description: "may only contain visible ASCII characters" },
    { field: "text", description: "must be 1 to 8000 characters" },
    { field: "reply_to_seq", description: "must be at least 1" },
  ]);
});

test("characters are code points", () => {
  const password = "😀".repeat(128);
  const message = create(RegisterRequestSchema, { username: "ann", password });
  expect(validator.validate(RegisterRequestSchema, message)).toEqual([]);
  message.password += "😀";
  expect(validator.validate(RegisterRequestSchema, message)).toEqual([
    { field: "password", description: "must be 8 to 128 characters" },
  ]);
});

test("fields are named by their whole path", () => {
  const room = create(CreateRoomRequestSchema, { name: "room", memberIds: ["a", "b", "c", "\ud800"] });
  expect(validator.validate(CreateRoomRequestSchema, room)).toEqual([
    { field: "member_ids[3]", description: notText },
  ]);
  const frame = create(ClientFrameSchema, {
    kind: { case: "send", value: { roomId: "r", clientId: "c", text: "" } },
  });
  expect(validator.validate(ClientFrameSchema, frame)).toEqual([
    { field: "send.text", description: "must be 1 to 8000 characters" },
  ]);
});

test("descriptions say what a value must be", () => {
  const nobody = create(BatchGetUsersRequestSchema);
  const invitation = create(CreateInvitationRequestSchema, { maxUses: 0, expiresIn: { seconds: 0n } });
  const noRole = create(UpdateMemberRequestSchema);
  const nothing = create(AcceptInvitationRequestSchema);
  expect([
    ...validator.validate(BatchGetUsersRequestSchema, nobody),
    ...validator.validate(CreateInvitationRequestSchema, invitation),
    ...validator.validate(UpdateMemberRequestSchema, noRole),
    ...validator.validate(AcceptInvitationRequestSchema, nothing),
  ]).toEqual([
    { field: "user_ids", description: "must have 1 to 200 items" },
    { field: "max_uses", description: "must be 1 to 10000" },
    { field: "expires_in", description: "must be 1 s to 30 days" },
    { field: "role", description: "must be one of ROLE_MEMBER, ROLE_MODERATOR, ROLE_ADMIN, ROLE_OWNER" },
    { field: "by", description: "one of code, invitation_id is required" },
  ]);
});
