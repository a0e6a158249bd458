import type { Admin, Kafka } from "kafkajs";
import { expect, test } from "vitest";
import { createWithAdmin } from "./kafka-client.ts";
import { kafkajs } from "./kafka-library.ts";

const notLeader = () =>
  new kafkajs.KafkaJSProtocolError(
    Object.assign(new Error("This server is not the leader for that topic-partition"), {
      type: "NOT_LEADER_FOR_PARTITION",
      code: 6,
      retriable: true,
    }),
  );

/** A cluster of which connections are counted. */
function createCluster() {
  const counts = { opened: 0, closed: 0 };
  const admin = {
    connect: async () => void counts.opened++,
    disconnect: async () => void counts.closed++,
  } as unknown as Admin;
  return { counts, withAdmin: createWithAdmin({ admin: () => admin } as unknown as Kafka) };
}

test("work that meets a partition between two leaders is begun anew, each time on a connection of its own", async () => {
  const { counts, withAdmin } = createCluster();
  let begun = 0;
  const answer = await withAdmin(async () => {
    if (++begun < 3) throw notLeader();
    return "done";
  });
  expect([answer, begun, counts]).toEqual(["done", 3, { opened: 3, closed: 3 }]);
});

test("what else goes wrong is told at once", async () => {
  const { counts, withAdmin } = createCluster();
  const failing = withAdmin(async () => {
    throw new Error("no such group");
  });
  await expect(failing).rejects.toThrow("no such group");
  expect(counts).toEqual({ opened: 1, closed: 1 });
});
