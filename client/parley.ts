import { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import { RealtimeService } from "#gen/parley/realtime/v1/realtime_service_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { createAccount } from "./account.ts";
import { browser } from "./browser.ts";
import { withTokens, withTypedErrors } from "./calls.ts";
import { createCaller, createClient } from "./connect-protocol.ts";
import { createConnection } from "./connection.ts";
import { createFallbackStorage } from "./fallback-storage.ts";
import { createIndexedDbStorage } from "./indexed-db-storage.ts";
import { createLive } from "./live.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import { createSession } from "./session.ts";
import type { ParleyStorage } from "./storage.ts";
import { completeStorage } from "./storage-locks.ts";
import { createSubscribeLinks } from "./subscribe-link.ts";
import { createRoute, createWebSocketProbe } from "./transport-choice.ts";
import type { Parley, ParleyOptions } from "./types.ts";
import { createUsers } from "./users.ts";
import { onWake } from "./wake.ts";
import { createWebSocketLinks } from "./websocket-link.ts";

/** Makes a client. Nothing is connected before `connect`. */
export function createParley(options: ParleyOptions = {}): Parley {
  const url = (options.url ?? browser.location?.origin ?? "").replace(/\/+$/, "");
  if (url === "") throw new Error("createParley needs the `url` of the server");
  const storage = completeStorage(options.storage ?? defaultStorage(url));
  const open = withTypedErrors(createCaller(url));
  const session = createSession({ storage, auth: createClient(AuthService, open) });
  const call = withTokens(open, session);
  const auth = createClient(AuthService, call);
  const rooms = createClient(RoomService, call);
  const messages = createClient(MessageService, call);
  const users = createClient(UserService, call);
  const people = createUsers(users);
  const connection = createConnection({
    session,
    open: {
      websocket: createWebSocketLinks(url),
      subscribe: createSubscribeLinks(createClient(RealtimeService, open)),
    },
    route: createRoute({ transport: options.transport ?? "auto", probe: createWebSocketProbe(url) }),
    greeting: (signal) => live.greeting(signal),
    onReady: (ready, signal, areAllNamed) => live.begin(ready, signal, areAllNamed),
    onFrame: (frame) => live.take(frame),
  });
  const live = createLive({ storage, session, connection, messages, rooms, people });
  const account = createAccount({ session, auth, users, people, deviceName: options.deviceName, live });
  let stopWaking: (() => void) | undefined;

  return {
    session: session.state,
    connection: connection.state,
    inbox: live.inbox,
    invitations: live.invitations,
    ...account,
    auth,
    rooms,
    messages,
    users: account.users,
    user: people.user,
    room: live.room,
    on: live.on,
    connect() {
      if (connection.state.get().status === "closed") {
        storage.attach();
        void session.look();
      }
      stopWaking ??= onWake(connection.wake);
      connection.start();
    },
    async close() {
      stopWaking?.();
      stopWaking = undefined;
      connection.stop();
      live.stop();
      storage.detach();
    },
  };
}

function defaultStorage(url: string): ParleyStorage {
  const memory = createMemoryStorage();
  return browser.indexedDB ? createFallbackStorage(createIndexedDbStorage(`parley ${url}`), memory) : memory;
}
