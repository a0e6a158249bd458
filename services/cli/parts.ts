import type { DescService } from "@bufbuild/protobuf";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { AuthInternalService } from "#gen/parley/internal/v1/auth_internal_service_pb.js";
import { DeliveryService } from "#gen/parley/internal/v1/delivery_service_pb.js";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";

/** What a process can host, in the order in which it starts: after those it calls. */
export const parts = ["auth", "room", "message", "delivery", "gateway"] as const;

export type Part = (typeof parts)[number];

/** The parts that other processes call; everybody else calls the gateway. */
export type CalledPart = Exclude<Part, "gateway">;

export const calledParts: readonly CalledPart[] = ["auth", "room", "message", "delivery"];

/** What each offers to the others. */
export const servicesOf: Readonly<Record<CalledPart, readonly DescService[]>> = {
  auth: [AuthService, UserService, AdminService, AuthInternalService],
  room: [RoomService, RoomInternalService],
  message: [MessageService, MessageInternalService],
  delivery: [DeliveryService],
};

/** Whom each calls. Auth is called for the keys of access tokens, among other things. */
export const calls: Readonly<Record<Part, readonly CalledPart[]>> = {
  auth: [],
  room: ["auth", "message"],
  message: ["auth", "room"],
  delivery: [],
  gateway: ["auth", "room", "message", "delivery"],
};

/** Those that a process without all parts has to find elsewhere. */
export function missingParts(hosted: ReadonlySet<Part>): CalledPart[] {
  const called = new Set([...hosted].flatMap((part) => calls[part]));
  return calledParts.filter((part) => called.has(part) && !hosted.has(part));
}

export function isPart(word: string): word is Part {
  return (parts as readonly string[]).includes(word);
}
