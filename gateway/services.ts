import type { DescService } from "@bufbuild/protobuf";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";

/** The services that clients see. Everything they offer is derived from these descriptors. */
export const publicServices: readonly DescService[] = [
  AuthService,
  UserService,
  RoomService,
  MessageService,
  RealtimeService,
  AdminService,
];
