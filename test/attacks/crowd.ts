/**
 * A process that opens connections in bulk, so that the test's own files are spared: `node crowd.ts <port> <count>`,
 * what each sends on standard input. Prints how many are open as a line of JSON whenever that changes, and lives until
 * it is killed.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const bytes = readFileSync(0);
const atOnce = 200;
let [opened, answered, closed] = [0, 0, 0];

function open(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.once("connect", () => {
      opened++;
      socket.write(bytes, () => resolve());
    });
    socket.once("data", () => answered++);
    socket.once("close", () => {
      closed++;
      resolve();
    });
  });
}

process.stdout.on("error", () => process.exit());
let told = "";
setInterval(() => {
  const state = JSON.stringify({ opened, answered, closed });
  if (state !== told) process.stdout.write(`${state}\n`);
  told = state;
}, 50);

for (let left = count; left > 0; left -= atOnce)
  await Promise.all(Array.from({ length: Math.min(atOnce, left) }, open));
