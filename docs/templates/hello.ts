import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { AuthService } from "./gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "./gen/parley/message/v1/message_service_pb.js";
import { RoomService } from "./gen/parley/room/v1/room_service_pb.js";

const baseUrl = process.argv[2] ?? "http://localhost:8080";

let accessToken = "";
const withToken: Interceptor = (next) => (request) => {
  if (accessToken !== "") request.header.set("authorization", `Bearer ${accessToken}`);
  return next(request);
};
// Reads go by GET, which caches and proxies understand.
const transport = createConnectTransport({ baseUrl, interceptors: [withToken], useHttpGet: true });

const username = `ada-${Date.now()}`;
const signedIn = await createClient(AuthService, transport).register({ username, password: "correct horse" });
accessToken = signedIn.tokens?.accessToken ?? "";

const { room } = await createClient(RoomService, transport).createRoom({ name: "Tea" });
const messages = createClient(MessageService, transport);
// The same clientId again posts nothing twice.
const { message } = await messages.sendMessage({ roomId: room?.roomId, clientId: "1", text: "Hello" });
console.log(String(message?.seq), message?.text);

try {
  await messages.getMessage({ roomId: room?.roomId, seq: 99n });
} catch (error) {
  const { code } = ConnectError.from(error);
  const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
  console.log(Code[code], info?.reason);
}
