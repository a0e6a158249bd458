import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import pino from "pino";
import { onTestFinished } from "vitest";
import { MessageInternalService } from "#gen/parley/internal/v1/message_internal_service_pb.js";
import type { Message } from "#gen/parley/message/v1/message_pb.js";
import { MessageService } from "#gen/parley/message/v1/message_service_pb.js";
import type { TimelineEvent } from "#gen/parley/message/v1/timeline_pb.js";
import { Role } from "#gen/parley/room/v1/room_pb.js";
import { createTokenVerifier } from "../common/auth.ts";
import { testDatabaseUrl, testServer } from "../common/database/test-place.ts";
import { type ErrorReason, reasonOf } from "../common/errors.ts";
import { createEmbeddedEventLog } from "../common/events/embedded.ts";
import type { EventLog, RecordOf } from "../common/events/event-log.ts";
import { feedTopic, timelineTopic } from "../common/events/topics.ts";
import { newId } from "../common/ids.ts";
import { createServerInterceptors } from "../common/rpc/interceptors.ts";
import { createLocalRpc } from "../common/rpc/local.ts";
import { createValidator } from "../common/validation.ts";
import type { MessageConfig } from "./config.ts";
// biome-ignore lint/style/noRestrictedImports: tests are above the service
import { startMessage } from "./service.ts";
import { type AuthPeer, joined, type RoomPeer, serveAuthPeer, serveRoomPeer } from "./test-peers.ts";

/** For tests: the real service over a real database, called in process. */
export interface TestMessage {
  readonly auth: AuthPeer;
  readonly room: RoomPeer;
  readonly internal: Client<typeof MessageInternalService>;
  readonly events: EventLog;
  /** What came over the event log. */
  readonly published: readonly RecordOf<typeof timelineTopic.schema>[];
  readonly publishedFeed: readonly RecordOf<typeof feedTopic.schema>[];
  readonly folder: string;
  /** Someone new, or someone known to another service of the same database. */
  person(userId?: string): Promise<Person>;
  /** Three, or more. */
  people(count?: number): Promise<[Person, Person, Person, ...Person[]]>;
  /** A room with these people, the first one its owner. */
  roomOf(owner: Person, ...others: Person[]): Promise<string>;
  /** Moves the service's clock on. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** Someone, and their calls. */
export interface Person {
  readonly userId: string;
  readonly sessionId: string;
  readonly token: string;
  readonly calls: Client<typeof MessageService>;
  /** Posts a text under a new client id. */
  send(roomId: string, text: string, replyToSeq?: bigint): Promise<Message>;
}

export interface TestMessageOptions extends Partial<MessageConfig> {
  folder?: string;
  events?: EventLog;
}

export const logger = pino({ level: "silent" });
const issuer = "parley";

/** A folder that is removed when the test is over. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-message-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Where a folder's data is. Of a server few connections: the first statements of each cost some of them seconds. */
export async function messageDatabaseUrl(folder: string): Promise<string> {
  const url = new URL(await testDatabaseUrl(folder));
  if (testServer !== undefined) url.searchParams.set("poolSize", "2");
  return url.href;
}

export async function startTestMessage(options: TestMessageOptions = {}): Promise<TestMessage> {
  const { folder = await createFolder(), events = createEmbeddedEventLog({ logger }), ...changed } = options;
  const config = {
    databaseUrl: await messageDatabaseUrl(folder),
    sendsPerUser: undefined,
    sendsPerRoom: undefined,
    feedLifetimeMs: 30 * 24 * 3_600_000,
    feedIntervalMs: testServer === undefined ? 20 : 200,
    eraseIntervalMs: 1000,
    pruneIntervalMs: 3_600_000,
    ...changed,
  };
  const rpc = createLocalRpc({ logger });
  const auth = await serveAuthPeer(rpc, issuer);
  const room = serveRoomPeer(rpc);
  const verifier = createTokenVerifier({ rpc, issuer, logger });
  const validator = createValidator();
  rpc.intercept(createServerInterceptors({ verifier, validator }));
  const published: RecordOf<typeof timelineTopic.schema>[] = [];
  const publishedFeed: RecordOf<typeof feedTopic.schema>[] = [];
  events.subscribe(timelineTopic, "test", (records) => void published.push(...records));
  events.subscribe(feedTopic, "test", (records) => void publishedFeed.push(...records));
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  const service = await startMessage(config, { rpc, events, verifier, validator, logger, clock });
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

  const client = rpc.client(MessageService);
  const person = async (userId = newId()): Promise<Person> => {
    const sessionId = newId();
    const token = await auth.sign(userId, { sessionId });
    const calls = callsAs(client, token);
    const send: Person["send"] = async (roomId, text, replyToSeq) => {
      const { message } = await calls.sendMessage({ roomId, clientId: newId(), text, replyToSeq });
      return given(message);
    };
    return { userId, sessionId, token, calls, send };
  };
  return {
    auth,
    room,
    internal: rpc.client(MessageInternalService),
    events,
    published,
    publishedFeed,
    folder,
    person,
    people: async (count = 3) => [
      ...(await Promise.all([person(), person(), person()])),
      ...(await Promise.all(Array.from({ length: count - 3 }, () => person()))),
    ],
    async roomOf(owner, ...others) {
      const roomId = newId();
      const bodies = [joined(owner.userId, Role.OWNER), ...others.map(({ userId }) => joined(userId))];
      await room.change(roomId, owner.userId, ...bodies);
      return roomId;
    },
    advance(ms) {
      ahead += ms;
    },
    close,
  };
}

/** The client's calls with this token. */
function callsAs(client: Client<typeof MessageService>, token: string): Client<typeof MessageService> {
  const options = { headers: { authorization: `Bearer ${token}` } };
  const names = Object.keys(MessageService.method) as (keyof typeof MessageService.method)[];
  const calls = names.map((name) => [name, (request: never) => client[name](request, options)]);
  return Object.fromEntries(calls) as Client<typeof MessageService>;
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

/** The whole timeline, as someone reads it. */
export async function timelineOf(reader: Person, roomId: string): Promise<TimelineEvent[]> {
  const events: TimelineEvent[] = [];
  for (let more = true; more; ) {
    const afterSeq = events.at(-1)?.seq ?? 0n;
    const page = await reader.calls.listTimeline({ roomId, afterSeq, pageSize: 200 });
    events.push(...page.events);
    more = page.hasMore;
  }
  return events;
}

export async function messageOf(reader: Person, roomId: string, seq: bigint): Promise<Message> {
  const { message } = await reader.calls.getMessage({ roomId, seq });
  return given(message);
}
