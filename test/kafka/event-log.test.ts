import { beforeAll, describe } from "vitest";
import { describeEventLog } from "../../services/common/events/test-event-log.ts";
import { noKafka, sharedKafka } from "../kafka.ts";
import { preparedKafka } from "./environment.ts";
import { startTestLog } from "./test-log.ts";

describe.skipIf(noKafka)("the event log on Kafka", () => {
  beforeAll(sharedKafka);
  describeEventLog("kafka", async () => {
    const { url } = await sharedKafka();
    return startTestLog(await preparedKafka(url));
  });
});
