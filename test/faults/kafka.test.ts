import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApi, newClientId, type Person, roomOf, timelineOf } from "../conformance/api.ts";
import { connect } from "../conformance/realtime-client.ts";
import { inheritedEnv } from "../inherited-env.ts";
import { kafkaEnvironment } from "../kafka/environment.ts";
import { startOwnBroker } from "../kafka/test-broker.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { startOneProcess } from "../stack.ts";

const main = join(import.meta.dirname, "../../services/main.ts");
const run = promisify(execFile);
/** Between two posts of one person: what matters is that there are some at any time. */
const paceMs = 10;

/** What an operator does before the first start. */
async function migrate(env: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "parley-migrate-"));
  const database = { PARLEY_DATABASE_URL: `sqlite:${folder}` };
  await run(process.execPath, [main, "migrate"], { env: { ...inheritedEnv, ...database, ...env } });
  rmSync(folder, { recursive: true });
}

describe.skipIf(noKafka)("one process with its event log on Kafka", () => {
  let own: Awaited<ReturnType<typeof startOwnBroker>>;
  beforeAll(async () => {
    [own] = await Promise.all([startOwnBroker(), sharedKafka()]);
  }, 180_000);
  afterAll(() => own.stop());

  test("does not start without its topics, and says what to do", async () => {
    const { url } = await sharedKafka();
    await expect(startOneProcess({ env: kafkaEnvironment(url) })).rejects.toThrow(
      /Kafka has no topic test-\w+\.parley\.timeline\.v1.*`parley migrate`/,
    );
  });

  for (const [name, harm, heal] of [
    ["dies and comes back", () => own.broker.stop("SIGKILL"), () => own.broker.start()],
    ["stands still", () => own.broker.signal("SIGSTOP"), () => own.broker.signal("SIGCONT")],
  ] as const) {
    test(`acks, and delivers once and in order, while the broker ${name}`, { timeout: 300_000 }, async () => {
      const env = kafkaEnvironment(`kafka://${own.broker.address}`);
      await migrate(env);
      await using stack = await startOneProcess({ env });
      const people = await createApi(stack.url).people(4);
      const [reader, ...authors] = people as [Person, ...Person[]];
      const room = await roomOf(reader, ...authors);
      const receiver = await connect(stack.socketUrl, reader.accessToken);
      const acked = new Set<number>();
      let sending = true;
      const loops = authors.map(async (author) => {
        const connection = await connect(stack.socketUrl, author.accessToken);
        while (sending) {
          const send = { roomId: room, clientId: newClientId(), text: "hello" };
          const { ack } = await connection.request({ send });
          acked.add(Number(ack.seq));
          await pause(paceMs);
        }
      });
      const more = async (count: number) => {
        const goal = acked.size + count;
        await expect.poll(() => acked.size, { timeout: 60_000 }).toBeGreaterThan(goal);
      };
      await more(200);
      await harm();
      const since = Date.now();
      await more(500);
      // Long enough for publications to be given up and left to the sweeper.
      await expect.poll(() => Date.now() - since, { timeout: 30_000 }).toBeGreaterThan(15_000);
      await more(100);
      await heal();
      await more(200);
      sending = false;
      await Promise.all(loops);
      const postedIn = (events: { seq: string; messagePosted?: object }[]) =>
        events.filter((event) => event.messagePosted).map(({ seq }) => Number(seq));
      const posted = postedIn(await timelineOf(reader, room));
      expect(posted.toSorted((a, b) => a - b)).toEqual([...acked].toSorted((a, b) => a - b));
      const seen = () => postedIn(receiver.events(room));
      await expect.poll(() => seen().length, { timeout: 60_000 }).toBe(posted.length);
      expect(seen()).toEqual(posted);
    });
  }
});
