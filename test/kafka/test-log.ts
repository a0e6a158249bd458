import { onTestFinished, vi } from "vitest";
import type { EventLog } from "../../services/common/events/event-log.ts";
import { createKafkaEventLog } from "../../services/common/events/kafka.ts";
import type { KafkaConfig } from "../../services/common/events/kafka-config.ts";
import type { TestEventLog } from "../../services/common/events/test-event-log.ts";
import { createLogger } from "../../services/common/logger.ts";

export interface TestKafkaLog extends TestEventLog {
  /** Everything it has logged, from `warn` on. */
  readonly lines: () => Record<string, unknown>[];
  /** How often each group was told that its work was divided anew. */
  readonly rebalances: ReadonlyMap<string, number>;
}

/** An event log that is closed when the test has ended. */
export function startTestLog(config: KafkaConfig, options: { publishTimeoutMs?: number } = {}): TestKafkaLog {
  const lines: string[] = [];
  const logger = createLogger({
    level: "warn",
    pretty: false,
    destination: { write: (line: string) => void lines.push(line) },
  });
  const retry = { firstMs: 1, capMs: 2, attempts: 3 };
  const log = createKafkaEventLog({ config, logger, retry, ...options });
  onTestFinished(() => log.close());
  const rebalances = new Map<string, number>();
  const groups = new Set<string>();
  const counted: EventLog = {
    ...log,
    subscribe(topic, group, handler, given = {}) {
      groups.add(group);
      const rebalanced = () => {
        rebalances.set(group, (rebalances.get(group) ?? 0) + 1);
        given.rebalanced?.();
      };
      return log.subscribe(topic, group, handler, { ...given, rebalanced });
    },
  };
  const parsed = () => lines.map((line) => JSON.parse(line));
  return {
    log: counted,
    async start() {
      void log.run(new AbortController().signal);
      await vi.waitUntil(() => [...groups].every((group) => rebalances.has(group)), {
        timeout: 25_000,
        interval: 5,
      });
    },
    deadLetters: () => parsed().filter(({ msg }) => msg === "dead letter"),
    lines: parsed,
    rebalances,
  };
}
