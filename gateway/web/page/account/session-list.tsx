import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "preact/hooks";
import type { Parley } from "../../../../client/index.ts";
import { Skeleton } from "../parts/skeleton.tsx";
import { useAction } from "../state/action.ts";
import { useParley, useToasts } from "../state/context.ts";
import { relativeTime } from "../text/time.ts";

type SessionEntry = Awaited<ReturnType<Parley["auth"]["listSessions"]>>["sessions"][number];

/** Where one is signed in, and how to end it. */
export function SessionList() {
  const parley = useParley();
  const toasts = useToasts();
  const loading = useAction();
  const ending = useAction();
  const [sessions, setSessions] = useState<readonly SessionEntry[]>();

  const load = () => loading.run(async () => setSessions(await listAll(parley)));
  useEffect(load, []);

  const end = (session: SessionEntry) =>
    ending.run(async () => {
      await parley.auth.revokeSession({ sessionId: session.sessionId });
      setSessions((all) => all?.filter((each) => each !== session));
      toasts.show(`${session.deviceName || "That device"} is signed out`);
    });

  return (
    <section class="section">
      <h3>Where you are signed in</h3>
      {sessions === undefined && loading.busy && <Skeleton rows={2} label="Loading your sessions" />}
      {sessions === undefined && !loading.busy && (
        <button type="button" class="button" onClick={load}>
          Try again
        </button>
      )}
      <ul class="plain-list">
        {sessions?.map((session) => (
          <li key={session.sessionId} class="list-row">
            <span class="list-text">
              <strong>{session.deviceName || "Unnamed device"}</strong>
              <span class="muted">{session.current ? "This device" : `Last used ${lastUsed(session)}`}</span>
            </span>
            {!session.current && (
              <button
                type="button"
                class="button small"
                disabled={ending.busy}
                aria-label={`Sign out ${session.deviceName || "unnamed device"}`}
                onClick={() => end(session)}
              >
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      <div class="button-row">
        <button type="button" class="button" onClick={() => ending.run(() => parley.logout())}>
          Sign out
        </button>
        <button
          type="button"
          class="button danger-quiet"
          disabled={ending.busy}
          onClick={() => ending.run(() => parley.logoutEverywhere())}
        >
          Sign out everywhere
        </button>
      </div>
    </section>
  );
}

/** The one used last first. */
async function listAll(parley: Parley): Promise<readonly SessionEntry[]> {
  const all: SessionEntry[] = [];
  for (let pageToken: string | undefined; pageToken !== ""; ) {
    const page = await parley.auth.listSessions({ pageSize: 100, ...(pageToken && { pageToken }) });
    all.push(...page.sessions);
    pageToken = page.nextPageToken;
  }
  return all.toSorted((a, b) => Number(b.current) - Number(a.current) || usedAt(b) - usedAt(a));
}

function usedAt({ lastUsedAt, createdAt }: SessionEntry): number {
  const at = lastUsedAt ?? createdAt;
  return at ? timestampDate(at).getTime() : 0;
}

function lastUsed(session: SessionEntry): string {
  return relativeTime(new Date(usedAt(session)));
}
