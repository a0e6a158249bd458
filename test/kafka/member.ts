/** A process that is a member of the group `group`, until it is killed: it prints what it has handled, `key number` a line. */
import { writeSync } from "node:fs";
import { createKafkaEventLog } from "../../services/common/events/kafka.ts";
import { timelineTopic } from "../../services/common/events/topics.ts";
import { createLogger } from "../../services/common/logger.ts";

const log = createKafkaEventLog({
  config: JSON.parse(process.argv[2]!),
  logger: createLogger({ level: "silent", pretty: false }),
});
log.subscribe(timelineTopic, "group", (batch) => {
  writeSync(1, batch.map(({ key, number }) => `${key} ${number}\n`).join(""));
});
await log.run(new AbortController().signal);
