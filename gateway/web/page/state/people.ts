import { useEffect, useState } from "preact/hooks";
import type { User } from "../../../../client/index.ts";

import { useMe, useParley } from "./context.ts";

export interface FoundPeople {
  readonly status: "idle" | "loading" | "ready" | "failed";
  readonly people: readonly User[];
}

/** After the last key, so that not every letter asks the server. */
const pauseMs = 200;
const pageSize = 12;
/** What the server searches by at least. */
const shortestQuery = 2;

/** People by what their names begin with, without oneself. Those of the query before stay until there are others. */
export function usePeople(query: string): FoundPeople {
  const parley = useParley();
  const me = useMe();
  const [found, setFound] = useState<FoundPeople>({ status: "idle", people: [] });
  const typed = query.trim();
  useEffect(() => {
    if ([...typed].length < shortestQuery) return setFound({ status: "idle", people: [] });
    const aborter = new AbortController();
    const { signal } = aborter;
    setFound(({ people }) => ({ status: "loading", people }));
    const timer = setTimeout(async () => {
      try {
        const { users } = await parley.users.searchUsers({ query: typed, pageSize }, { signal });
        if (signal.aborted) return;
        setFound({ status: "ready", people: users.filter(({ userId }) => userId !== me.userId) });
      } catch {
        if (!signal.aborted) setFound({ status: "failed", people: [] });
      }
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [parley, typed, me.userId]);
  return found;
}
