/** `npm run kafka`: one Apache Kafka broker on this machine, without Docker, until Ctrl-C. Its data stays. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBroker } from "./broker.ts";
import { cacheFolder, missingTools } from "./jars.ts";

const usage = `One Apache Kafka broker for development, until Ctrl-C. Needs Java 17 or later, and Maven the first time.

Usage: npm run kafka -- [options]

Options:
  --port <port>     Where it listens on 127.0.0.1 (9092)
  --data <folder>   Where its data is (.cache/kafka/data-<port>)
  --help            Show this
`;

const options = { port: { type: "string" }, data: { type: "string" }, help: { type: "boolean" } } as const;
const { values } = parseArgs({ options });
const port = Number(values.port ?? 9092);

if (values.help) {
  process.stdout.write(usage);
} else if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  console.error(`--port is "${values.port}": it should be an integer from 1 to 65535`);
  process.exitCode = 2;
} else {
  const missing = await missingTools();
  if (missing === undefined) await serve(port, values.data ?? join(cacheFolder, `data-${port}`));
  else {
    console.error(missing);
    process.exitCode = 1;
  }
}

async function serve(port: number, folder: string): Promise<void> {
  // Before the start, so that Ctrl-C during it ends the broker too.
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const broker = await startBroker({ port, folder });
  console.log(`
  Apache Kafka listens on ${broker.address}, its data is in ${folder}

    export PARLEY_EVENTS_URL=kafka://${broker.address} PARLEY_KAFKA_REPLICATION=1
    node services/main.ts migrate    # makes the topics
    npm start

  Ctrl-C stops it.
`);
  await Promise.race([asked, broker.ended()]);
  await broker.stop();
}
