const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dateWithYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

const dayMs = 24 * 60 * 60 * 1000;

/** 14:05, as the reader's language writes it. */
export function clockTime(at: Date): string {
  return clock.format(at);
}

/** Everything that is known, for who points at a time. */
export function exactTime(at: Date): string {
  return exact.format(at);
}

/** The same for all times of one day, where the reader is. */
export function dayKey(at: Date): string {
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`;
}

/** Today, Yesterday, Monday, 3 May: what heads the messages of a day. */
export function dayName(at: Date, now: Date = new Date()): string {
  const days = daysBetween(at, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (at.getFullYear() === now.getFullYear()) return date.format(at);
  return dateWithYear.format(at);
}

/** As short as it stays clear: for the list of rooms. */
export function shortTime(at: Date, now: Date = new Date()): string {
  const days = daysBetween(at, now);
  if (days <= 0) return clockTime(at);
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday.format(at);
  return at.getFullYear() === now.getFullYear() ? shortDate.format(at) : dateWithYear.format(at);
}

/** In a sentence: "just now", "5 minutes ago", "today at 14:05", "on 3 May at 14:05". */
export function relativeTime(at: Date, now: Date = new Date()): string {
  const minutes = Math.floor((now.getTime() - at.getTime()) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const days = daysBetween(at, now);
  if (days === 0) return `today at ${clockTime(at)}`;
  if (days === 1) return `yesterday at ${clockTime(at)}`;
  return `on ${at.getFullYear() === now.getFullYear() ? shortDate.format(at) : dateWithYear.format(at)}`;
}

/** By the calendar of where the reader is, whatever daylight saving did. */
function daysBetween(at: Date, now: Date): number {
  const midnight = (day: Date) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(now) - midnight(at)) / dayMs);
}
