import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { type Api, type Person, reasonOf, timelineOf } from "../conformance/api.ts";
import type { Answer } from "../conformance/clients/answer.ts";

/** Calls that go on beside the messages, again and again over each gateway in turn, until they are done. */
export interface Churn {
  /** Finishes what has begun. */
  end(): Promise<ChurnReport>;
}

export interface ChurnReport {
  /** What must not happen, in words. */
  readonly faults: readonly string[];
  /** Asserts what holds once everything runs again. */
  check(): Promise<void>;
}

const paceMs = 50;
/** What may be asked again; a request that was lost has no answer at all. */
const passing = [503, 504];

interface Asking {
  readonly apis: readonly Api[];
  readonly faults: string[];
  /** Whatever is down is back before. */
  readonly patienceMs: number;
}

/** Asks until there is an answer that counts; it is good, or a fault. */
async function insist(
  { apis, faults, patienceMs }: Asking,
  what: string,
  ask: (api: Api) => Promise<Answer>,
): Promise<Answer | undefined> {
  const deadline = Date.now() + patienceMs;
  for (let turn = 0; ; turn++) {
    const answer = await ask(apis[turn % apis.length]!).catch(() => undefined);
    if (answer?.status === 200) return answer;
    if ((answer && !passing.includes(answer.status)) || Date.now() > deadline) {
      faults.push(`${what} answered ${answer?.status} ${JSON.stringify(answer?.body)}`);
      return undefined;
    }
    await pause(paceMs);
  }
}

function startChurn(step: () => Promise<void>, report: ChurnReport): Churn {
  const ending = new AbortController();
  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await step();
      await pause(paceMs);
    }
  }
  const running = run();
  return {
    async end() {
      ending.abort();
      await running;
      return report;
    },
  };
}

/** Somebody becomes a moderator, and a member again: each change stands in the timeline once, whatever was repeated. */
export function startRoleChanges(deps: {
  apis: readonly Api[];
  owner: Person;
  member: Person;
  roomId: string;
  patienceMs: number;
}): Churn {
  const { apis, owner, member, roomId, patienceMs } = deps;
  const faults: string[] = [];
  const given: string[] = [];
  const path = `/v1/rooms/${roomId}/members/${member.userId}`;
  return startChurn(
    async () => {
      const role = given.length % 2 === 0 ? "ROLE_MODERATOR" : "ROLE_MEMBER";
      given.push(role);
      await insist({ apis, faults, patienceMs }, "UpdateMember", (api) =>
        api.call("PATCH", path, { token: owner.accessToken, body: { role } }),
      );
    },
    {
      faults,
      async check() {
        const events = await timelineOf(owner, roomId);
        expect(events.flatMap(({ roleChanged }) => (roleChanged ? [roleChanged.role] : []))).toEqual(given);
      },
    },
  );
}

/** Somebody signs in, asks who they are and signs out: what was signed out stays so. */
export function startSessions(deps: { apis: readonly Api[]; person: Person; patienceMs: number }): Churn {
  const { apis, person, patienceMs } = deps;
  const faults: string[] = [];
  const ended: string[] = [];
  const { username, password } = person;
  const asking = { apis, faults, patienceMs };
  return startChurn(
    async () => {
      const login = await insist(asking, "Login", (api) =>
        api.call("POST", "/v1/auth/login", { body: { username, password } }),
      );
      if (login === undefined) return;
      const token: string = login.body.tokens.accessToken;
      await insist(asking, "GetMe", (api) => api.call("GET", "/v1/users/me", { token }));
      // A logout whose answer was lost finds no session when it is repeated.
      await insist(asking, "Logout", async (api) => {
        const answer = await api.call("POST", "/v1/auth/logout", { token });
        return reasonOf(answer.body) === "SESSION_REVOKED" ? { ...answer, status: 200 } : answer;
      });
      ended.push(token);
    },
    {
      faults,
      async check() {
        for (const api of apis) {
          for (const token of ended.slice(-20)) {
            const reason = async () => reasonOf((await api.call("GET", "/v1/users/me", { token })).body);
            await expect.poll(reason, { timeout: 10_000 }).toBe("SESSION_REVOKED");
          }
        }
      },
    },
  );
}
