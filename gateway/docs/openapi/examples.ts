import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";

/** What fields are called, and a value such as one meets. A field that is missing here gets one of its type. */
const byName: Readonly<Record<string, JsonValue>> = {
  userId: "01926a3e-0001-7000-8000-000000000001",
  authorId: "01926a3e-0001-7000-8000-000000000001",
  actorId: "01926a3e-0001-7000-8000-000000000001",
  createdBy: "01926a3e-0001-7000-8000-000000000001",
  userIds: ["01926a3e-0001-7000-8000-000000000001", "01926a3e-0002-7000-8000-000000000002"],
  memberIds: ["01926a3e-0002-7000-8000-000000000002"],
  roomId: "01926a3e-0003-7000-8000-000000000003",
  sessionId: "01926a3e-0004-7000-8000-000000000004",
  invitationId: "01926a3e-0005-7000-8000-000000000005",
  externalId: "customer-4711",
  username: "ada",
  password: "correct horse battery",
  currentPassword: "correct horse battery",
  newPassword: "staple correct horse",
  displayName: "Ada Lovelace",
  deviceName: "Firefox on Linux",
  accessToken: "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
  refreshToken: "3q2-7w_refresh-token-0123456789",
  query: "ad",
  name: "Tea",
  topic: "Leaves, not bags",
  clientId: "c-1",
  code: "K7mQx2-invitation-code",
  text: "Hello, Bob!",
  emoji: "👍",
  expiresIn: "86400s",
  pageSize: 50,
  nextPageToken: "",
  hasMore: false,
};

/** One id each in the examples of requests, which a test replaces with real ones before it sends them. */
export const exampleIds = {
  user: byName.userId as string,
  otherUser: (byName.userIds as string[])[1] as string,
  room: byName.roomId as string,
  session: byName.sessionId as string,
  invitation: byName.invitationId as string,
  code: byName.code as string,
  refreshToken: byName.refreshToken as string,
};

/** A message of these fields, and of its oneofs the first each. */
export function exampleOf(fields: readonly DescField[]): JsonObject {
  const chosen = fields.filter((field) => !field.oneof || field.oneof.fields[0] === field);
  return Object.fromEntries(chosen.map((field) => [field.jsonName, exampleValue(field)]));
}

export function exampleValue(field: DescField): JsonValue {
  const known = byName[field.jsonName];
  if (known !== undefined && (field.fieldKind === "list") === Array.isArray(known)) return known;
  switch (field.fieldKind) {
    case "list":
      return field.message ? [ofMessage(field.message)] : [];
    case "map":
      return {};
    case "message":
      return ofMessage(field.message);
    case "enum":
      return field.enum.values[1]?.name ?? "";
    case "scalar":
      return ofScalar(field.scalar);
  }
}

/** As little as there always is. */
function ofMessage(message: DescMessage): JsonValue {
  if (message.typeName === "google.protobuf.Timestamp") return "2026-01-02T03:04:05.678Z";
  if (message.typeName === "google.protobuf.Duration") return "1.500s";
  const isOptional = (field: DescField) =>
    field.proto.proto3Optional || /^(edited|deleted)_at$/.test(field.name);
  return exampleOf(message.fields.filter((field) => !isOptional(field)));
}

function ofScalar(type: ScalarType): JsonValue {
  switch (type) {
    case ScalarType.BOOL:
      return false;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return "2";
    default:
      return 2;
  }
}
