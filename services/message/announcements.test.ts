import { expect, test } from "vitest";
import { createEmbeddedEventLog } from "../common/events/embedded.ts";
import type { EventLog } from "../common/events/event-log.ts";
import { createFolder, logger, startTestMessage } from "./test-message.ts";

/** An event log that has taken leave, as a broker may. */
function createDeafLog(): EventLog {
  const log = createEmbeddedEventLog({ logger });
  return { ...log, publish: () => Promise.reject(new Error("nobody there")) };
}

test("what could not be told is told after a restart, as it stands then", async () => {
  const folder = await createFolder();
  const first = await startTestMessage({ folder, events: createDeafLog() });
  const [ada, bob] = await first.people();
  const roomId = await first.roomOf(ada, bob);
  const { seq } = await ada.send(roomId, "erased later");
  await ada.calls.editMessage({ roomId, seq, text: "this too" });
  await ada.send(roomId, "stands");
  await ada.calls.deleteMessage({ roomId, seq });
  expect(first.published).toEqual([]);
  await first.close();

  const second = await startTestMessage({ folder });
  await expect.poll(() => second.published.length, { timeout: 30_000 }).toBe(6);
  const { events } = await second.internal.readTimeline({ roomId, limit: 10 });
  expect(second.published.map(({ message }) => message)).toEqual(events);
  expect(second.published.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
  const texts = second.published.flatMap(({ message: { body } }) =>
    body.case === "messagePosted" || body.case === "messageEdited" ? [body.value.text] : [],
  );
  expect(texts).toEqual(["", "", "stands"]);
  expect(second.publishedFeed.map(({ key, number }) => [key, number])).toEqual([
    [ada.userId, 1],
    [bob.userId, 1],
  ]);
});

test("everything is told once when nothing goes wrong, and no row stays", async () => {
  const folder = await createFolder();
  const first = await startTestMessage({ folder });
  const [ada] = await first.people();
  const roomId = await first.roomOf(ada);
  await Promise.all(Array.from({ length: 200 }, (_, i) => ada.send(roomId, `m${i}`)));
  await expect.poll(() => first.published.length).toBe(201);
  await first.close();
  const second = await startTestMessage({ folder });
  const ben = await second.person();
  await second.roomOf(ben);
  await expect.poll(() => second.published.length).toBe(1);
  await second.close();
  expect(second.published.length).toBe(1);
});
