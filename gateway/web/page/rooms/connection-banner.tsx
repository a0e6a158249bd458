import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../../../../client/index.ts";
import { Icon } from "../parts/icon.tsx";
import { useParley } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";

/** Shorter breaks are nobody's business: a server that restarts, a network that changes. */
const patienceMs = 1500;

/** Says plainly that one is not connected, and what becomes of what one writes. */
export function ConnectionBanner() {
  const connection = useObservable(useParley().connection);
  const online = useOnline();
  const isConnected = connection.status === "connected";
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (isConnected) return;
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => clearTimeout(timer);
  }, [isConnected]);
  const now = useNow(!isConnected);

  const text = isConnected ? "" : !online ? offline : late ? awayText(connection, now) : "";
  return (
    <div class={text ? "banner banner-shown" : "banner"} role="status">
      {text && <Icon name="warning" />}
      {text}
    </div>
  );
}

const offline = "Offline. Your messages will be sent when you are back.";

function awayText({ status, retryAt }: Connection, now: number): string {
  const kept = "Your messages will be sent once you are connected.";
  if (status === "waiting" && retryAt !== undefined) {
    const seconds = Math.ceil((retryAt - now) / 1000);
    return `Not connected. Trying again ${seconds > 1 ? `in ${seconds} seconds` : "now"}. ${kept}`;
  }
  return `Connecting… ${kept}`;
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => setOnline(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}

/** The time, each second, while it is shown. */
function useNow(isShown: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isShown) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isShown]);
  return now;
}
