import { browser } from "./browser.ts";

/** Calls when the device is online again or the page is looked at again; nowhere but in a browser. Returns what ends it. */
export function onWake(listener: () => void): () => void {
  const page = browser.document;
  const look = () => {
    if (page?.visibilityState === "visible") listener();
  };
  const events = ["online", "offline", "pageshow"];
  for (const type of events) browser.addEventListener?.(type, listener);
  page?.addEventListener("visibilitychange", look);
  return () => {
    for (const type of events) browser.removeEventListener?.(type, listener);
    page?.removeEventListener("visibilitychange", look);
  };
}
