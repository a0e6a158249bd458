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

  const text = isConnected ? "" : !online ? offline : late ? away : "";
  return (
    <div class={text ? "banner banner-shown" : "banner"}>
      {text && <Icon name="warning" />}
      <span role="status">{text}</span>
      {/* Not said aloud: it changes each second. */}
      {text === away && <span aria-hidden="true">{nextTry(connection, now)}</span>}
    </div>
  );
}

const offline = "Offline. Your messages will be sent when you are back.";
const away = "Not connected. Your messages will be sent once you are.";

function nextTry({ status, retryAt }: Connection, now: number): string {
  if (status !== "waiting" || retryAt === undefined) return "Connecting…";
  const seconds = Math.ceil((retryAt - now) / 1000);
  return `Trying again ${seconds > 1 ? `in ${seconds} seconds` : "now"}.`;
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
