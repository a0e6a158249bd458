import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions, Client } from "@connectrpc/connect";
import pino from "pino";
import { onTestFinished } from "vitest";
import { RoomInternalService } from "#gen/parley/internal/v1/room_internal_service_pb.js";
import type { RoomChange } from "#gen/parley/room/v1/room_change_pb.js";
import type { Room } from "#gen/parley/room/v1/room_pb.js";
import { RoomService } from "#gen/parley/room/v1/room_service_pb.js";
import { createTokenVerifier } from "../common/auth.ts";
import { testDatabaseUrl } from "../common/database/test-place.ts";
import { type ErrorReason, reasonOf } from "../common/errors.ts";
import { createEmbeddedEventLog } from "../common/events/embedded.ts";
import type { RecordOf } from "../common/events/event-log.ts";
import { roomTopic } from "../common/events/topics.ts";
import { createServerInterceptors } from "../common/rpc/interceptors.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import { createValidator } from "../common/validation.ts";
import type { RoomLimits } from "./membership.ts";
// biome-ignore lint/style/noRestrictedImports: tests are above the service
import { startRoom } from "./service.ts";
import { type AuthPeer, type MessagePeer, serveAuthPeer, serveMessagePeer } from "./test-peers.ts";

/** For tests: the real service over a real database, called in process, with a clock that can be set. */
export interface TestRoom {
  readonly auth: AuthPeer;
  readonly message: MessagePeer;
  readonly internal: Client<typeof RoomInternalService>;
  readonly clock: TestClock;
  /** What came over the event log. */
  readonly announced: readonly RecordOf<typeof roomTopic.schema>[];
  /** Under which epochs it was published. */
  readonly epochs: ReadonlySet<string | undefined>;
  readonly folder: string;
  /** Someone new. */
  person(): Promise<Person>;
  /** Several. */
  people(count: number): Promise<Person[]>;
  close(): Promise<void>;
}

/** Someone, and their calls. */
export interface Person {
  readonly userId: string;
  readonly rooms: Client<typeof RoomService>;
}

export interface TestClock {
  (): number;
  advance(ms: number): void;
}

export interface TestRoomOptions {
  folder?: string;
  clock?: TestClock;
  /** What Message has applied before. */
  applied?: MessagePeer["rooms"];
  limits?: Partial<RoomLimits>;
}

export const logger = pino({ level: "silent" });
const issuer = "parley";

export function createTestClock(): TestClock {
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  return Object.assign(clock, {
    advance(ms: number) {
      ahead += ms;
    },
  });
}

/** A folder that is removed when the test is over. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-room-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function startTestRoom(options: TestRoomOptions = {}): Promise<TestRoom> {
  const folder = options.folder ?? (await createFolder());
  const clock = options.clock ?? createTestClock();
  const limits = { maxMembersPerRoom: 10_000, maxRoomsPerUser: 5_000, ...options.limits };
  const rpc = createLocalRpc({ logger });
  const auth = await serveAuthPeer(rpc, issuer);
  const message = serveMessagePeer(rpc, options.applied);
  const verifier = createTokenVerifier({ rpc, issuer, logger });
  rpc.intercept(createServerInterceptors({ verifier, validator: createValidator() }));
  const events = createEmbeddedEventLog({ logger });
  const announced: RecordOf<typeof roomTopic.schema>[] = [];
  events.subscribe(roomTopic, "test", (records) => {
    announced.push(...records);
  });
  const epochs = new Set<string | undefined>();
  const publish: typeof events.publish = (topic, records, headers) => {
    epochs.add(headers?.epoch);
    return events.publish(topic, records, headers);
  };
  const service = await startRoom(
    { databaseUrl: await testDatabaseUrl(folder), limits },
    { rpc, events: { ...events, publish }, logger, clock },
  );
  const stop = new AbortController();
  const running = [verifier.run(stop.signal), events.run(stop.signal)];

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      await service.close();
      stop.abort();
      await Promise.all(running);
      await events.close();
      await rpc.close();
    })();
    return closed;
  };
  onTestFinished(close);

  const rooms = rpc.client(RoomService);
  const person = async () => {
    const { userId, token } = await auth.signUp();
    return { userId, rooms: callsAs(rooms, token) };
  };
  return {
    auth,
    message,
    internal: rpc.client(RoomInternalService),
    clock,
    announced,
    epochs,
    folder,
    person,
    people: (count) => Promise.all(Array.from({ length: count }, person)),
    close,
  };
}

/** The client's calls with this token. */
function callsAs(client: Client<typeof RoomService>, token: string): Client<typeof RoomService> {
  const options = { headers: { authorization: `Bearer ${token}` } };
  const methods = Object.keys(RoomService.method) as (keyof typeof RoomService.method)[];
  const calls = methods.map((name) => [
    name,
    (request: never, more?: CallOptions) => client[name](request, { ...options, ...more }),
  ]);
  return Object.fromEntries(calls) as Client<typeof RoomService>;
}

/** A room of these people, the first one its owner. */
export async function createRoom(owner: Person, ...others: Person[]): Promise<string> {
  const memberIds = others.map(({ userId }) => userId);
  const { room } = await owner.rooms.createRoom({ name: "room", memberIds });
  return given(room).roomId;
}

/** The reason that a call is refused with; undefined if it isn't. */
export async function refusal(call: Promise<unknown>): Promise<ErrorReason | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return reason;
  }
}

/** What an answer must have. */
export function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the answer lacks something");
  return value;
}

/** What members see of a room, as plain values. */
export function plain(room: Room | undefined): Partial<Room> {
  const { roomId, kind, name, topic, myRole, memberCount } = given(room);
  return { roomId, kind, name, topic, myRole, memberCount };
}

export function versionsOf(changes: readonly RoomChange[]): number[] {
  return changes.map(({ version }) => Number(version));
}
