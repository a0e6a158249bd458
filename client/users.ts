import type { User } from "#gen/parley/user/v1/user_pb.js";
import type { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import { pause } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import type { Client } from "./connect-protocol.ts";
import { callSafely, createValue, type Observable, type Value } from "./observable.ts";

/** People, looked up when somebody wants to know them: those of one moment together, each at most every few minutes. */
export interface Users {
  user(userId: string): Observable<User | undefined>;
  /** What is known of a person that was learned elsewhere. */
  learn(user: User): void;
  /** Calls after anyone's data have changed. */
  onChange(listener: () => void): void;
  /** Connected again: what couldn't be looked up is. */
  connected(): void;
  clear(): void;
}

interface Known {
  readonly value: Value<User | undefined>;
  askedAt: number;
}

const pageSize = 200;
const freshMs = 300_000;
const gatherMs = 10;

export function createUsers(calls: Pick<Client<typeof UserService>, "batchGetUsers">): Users {
  const known = new Map<string, Known>();
  const wanted = new Set<string>();
  const givenUp = new Set<string>();
  const listeners = new Set<() => void>();
  let isAsking = false;

  function want(userId: string, person: Known): void {
    person.askedAt = Date.now();
    wanted.add(userId);
    if (isAsking) return;
    isAsking = true;
    void ask();
  }

  async function ask(): Promise<void> {
    await pause(gatherMs);
    for (let failures = 0; wanted.size > 0; ) {
      const userIds = [...wanted].slice(0, pageSize);
      try {
        const { users } = await calls.batchGetUsers({ userIds });
        for (const userId of userIds) wanted.delete(userId);
        for (const user of users) set(user);
        failures = 0;
      } catch {
        failures += 1;
        // Who asks later is answered then.
        if (failures > 5) giveUp();
        else await pause(backoffMs(failures));
      }
    }
    // At once: who hears of one may want another.
    isAsking = false;
  }

  function giveUp(): void {
    for (const userId of wanted) {
      const person = known.get(userId);
      if (person) person.askedAt = 0;
      givenUp.add(userId);
    }
    wanted.clear();
  }

  function set(user: User): void {
    known.get(user.userId)?.value.set(user);
    for (const listener of listeners) callSafely(listener);
  }

  return {
    user(userId) {
      const person = known.get(userId) ?? { value: createValue<User | undefined>(undefined), askedAt: 0 };
      known.set(userId, person);
      if (Date.now() - person.askedAt > freshMs) want(userId, person);
      return person.value;
    },
    learn: set,
    onChange(listener) {
      listeners.add(listener);
    },
    connected() {
      for (const userId of givenUp) {
        const person = known.get(userId);
        if (person) want(userId, person);
      }
      givenUp.clear();
    },
    clear() {
      givenUp.clear();
      known.clear();
      wanted.clear();
    },
  };
}
