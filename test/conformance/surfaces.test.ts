import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningStack } from "../stack.ts";
import type { CallClient, Method, Surface } from "./clients/client.ts";
import { contracts } from "./clients/contracts.ts";
import { surfaces } from "./clients/surfaces.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";
import { adminScenarios } from "./surfaces/admin-scenarios.ts";
import { authScenarios } from "./surfaces/auth-scenarios.ts";
import { keysFor } from "./surfaces/keys.ts";
import { messageScenarios } from "./surfaces/message-scenarios.ts";
import { fullNameOf, type Promises, readPromises, ruledFieldsOf } from "./surfaces/promises.ts";
import { realtimeScenarios } from "./surfaces/realtime-scenarios.ts";
import { playRefusals, wordedPerSurface } from "./surfaces/refusals.ts";
import { roomScenarios } from "./surfaces/room-scenarios.ts";
import { type Cast, castOf, type Exchange, fieldsOf, type Scenario, take } from "./surfaces/scene.ts";
import { createTable } from "./surfaces/table.ts";
import { userScenarios } from "./surfaces/user-scenarios.ts";

const root = join(import.meta.dirname, "../..");

const scenarios = new Map<Method, Scenario>([
  ...adminScenarios,
  ...authScenarios,
  ...userScenarios,
  ...roomScenarios,
  ...messageScenarios,
  ...realtimeScenarios,
]);

/**
 * Reasons that would take too long or another server to provoke, by the RPC whose comment names them, and where they are
 * tested.
 */
const unprovoked: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "parley.auth.v1.AuthService.Refresh": { TOKEN_EXPIRED: "services/auth/sessions.test.ts" },
  "parley.room.v1.RoomService.CreateRoom": { LIMIT_REACHED: "services/room/create-room.test.ts" },
  "parley.room.v1.RoomService.AcceptInvitation": {
    LIMIT_REACHED: "services/room/invitation-acceptance.test.ts",
  },
  "parley.message.v1.MessageService.SendMessage": { RATE_LIMITED: "test/conformance/rates.test.ts" },
};

interface Player {
  readonly surface: Surface;
  readonly client: CallClient;
  readonly cast: Cast;
}

/** One scenario per RPC, played through every surface: what is answered is the same. */
describe.each(sharedTopologies)("surfaces: $name", (topology) => {
  const table = createTable(surfaces.map((surface) => surface.name));
  let stack: RunningStack;
  let players: Player[];
  let promises: Promises;

  beforeAll(async () => {
    stack = await sharedStack(topology);
    promises = readPromises(new Uint8Array(await (await fetch(`${stack.url}/parley.binpb`)).arrayBuffer()));
    const keys = await keysFor(stack);
    players = await Promise.all(
      surfaces.map(async (surface) => ({
        surface,
        client: await surface.connect(stack),
        cast: await castOf(stack, keys),
      })),
    );
  });
  afterAll(async () => {
    table.write(topology.name);
    await Promise.all(players.map(({ client }) => client.close()));
  });

  test("every public RPC has its scenario", () => {
    expect(promises.methods.toSorted()).toEqual(
      contracts.flatMap((service) => service.methods.map(fullNameOf)).toSorted(),
    );
    expect([...scenarios.keys()].map(fullNameOf).toSorted()).toEqual(promises.methods.toSorted());
  });

  test("what is not provoked here is tested where it says", () => {
    for (const [reason, path] of Object.values(unprovoked).flatMap(Object.entries<string>))
      expect(readFileSync(join(root, path), "utf8"), path).toContain(reason);
  });

  async function play(method: Method, scenario: Scenario, { surface, client, cast }: Player) {
    const played = take({ client, cast, method });
    await scenario(played.scene);
    await playRefusals(method, surface, cast, played);
    const answers = played.exchanges.filter(({ answer }) => answer !== undefined);
    table.add(fullNameOf(method), surface.name, answers.length);
    return played.exchanges;
  }

  test.each([...scenarios].map(([method, scenario]) => [fullNameOf(method), method, scenario] as const))(
    "%s",
    async (fullName, method, scenario) => {
      const plays = await Promise.all(players.map((player) => play(method, scenario, player)));
      for (const [i, exchanges] of plays.entries()) {
        const surface = players[i]?.surface.name;
        for (const [j, { what, answer }] of exchanges.entries()) {
          const first = plays.map((each) => each[j]).find((each) => each?.answer !== undefined);
          if (answer)
            expect(comparable(answer, what), `${surface}, ${what}`).toEqual(comparable(first?.answer, what));
        }
      }
      const said = plays[0]?.some(({ answer }) => answer) ? plays[0] : (plays[1] ?? []);
      expect(reasonsIn(said), "reasons that the contract names").toEqual(
        expect.arrayContaining(
          promises.reasonsOf(fullName).filter((reason) => unprovoked[fullName]?.[reason] === undefined),
        ),
      );
      expect(fieldsIn(said), "fields that have rules").toEqual(expect.arrayContaining(ruledFieldsOf(method)));
    },
  );
});

type Given = Exchange["answer"];

/** What has to be the same: all of it, but for the words where surfaces speak of different things. */
function comparable(answer: Given, what: string): unknown {
  if (answer === undefined || !wordedPerSurface.includes(what)) return answer;
  const { code, details } = answer.body as { code: number; details: { reason?: string }[] };
  return [answer.status, code, details.map(({ reason }) => reason)];
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of whatever shape
const bodiesOf = (exchanges: Exchange[]): any[] => exchanges.flatMap(({ answer }) => answer?.body ?? []);

const reasonsIn = (exchanges: Exchange[]): string[] =>
  bodiesOf(exchanges).flatMap(
    (body) => body.details?.flatMap((each: { reason?: string }) => each.reason ?? []) ?? [],
  );

const fieldsIn = (exchanges: Exchange[]): string[] =>
  bodiesOf(exchanges).flatMap((body) => fieldsOf(body) ?? []);
