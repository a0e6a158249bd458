import { useEffect, useState } from "preact/hooks";
import { dayKey } from "../text/time.ts";

/** The day it is, for what says "Today": the component renders again when it is another one. */
export function useToday(): string {
  const [today, setToday] = useState(dayKey(new Date()));
  useEffect(() => {
    const look = () => setToday(dayKey(new Date()));
    const now = new Date();
    const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
    const timer = setTimeout(look, midnight.getTime() - now.getTime() + 1000);
    // A device that slept may be late with its timers.
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [today]);
  return today;
}
