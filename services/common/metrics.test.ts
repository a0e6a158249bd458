import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("numbers are read when they are asked for", async () => {
  const metrics = createMetrics();
  let sent = 0;
  metrics.counter({ name: "parley_test_total", help: "Sent.", read: () => sent });
  sent = 3;
  expect(await metrics.text()).toContain(
    "# HELP parley_test_total Sent.\n# TYPE parley_test_total counter\nparley_test_total 3\n",
  );
});

test("parts declare the same metric under labels of their own", async () => {
  const metrics = createMetrics();
  const declare = (queue: string, read: () => number) =>
    metrics.gauge({ name: "parley_queue", help: "Waiting.", labels: { queue }, read });
  declare("a", () => 1);
  declare("b", () => 2);
  declare("a", () => 5);
  const text = await metrics.text();
  expect(text).toContain('parley_queue{queue="a"} 5\nparley_queue{queue="b"} 2\n');
  expect(text.match(/# TYPE parley_queue/g)).toHaveLength(1);
  expect(() => metrics.counter({ name: "parley_queue", help: "Waiting.", read: () => 0 })).toThrow(
    "parley_queue is declared differently",
  );
});

test("labels that are read come on top, and are escaped", async () => {
  const metrics = createMetrics();
  metrics.gauge({
    name: "parley_test",
    help: "Of a\nkind.",
    labels: { kind: "x" },
    read: () => [{ labels: { name: 'a"b\\c\n' }, value: 0.5 }],
  });
  const text = await metrics.text();
  expect(text).toContain("# HELP parley_test Of a\\nkind.\n");
  expect(text).toContain('parley_test{kind="x",name="a\\"b\\\\c\\n"} 0.5\n');
});

test("a histogram counts each bucket with those below it", async () => {
  const metrics = createMetrics();
  const histogram = metrics.histogram({ name: "parley_test_seconds", help: "Time.", buckets: [0.1, 1] });
  for (const value of [0.1, 0.5, 2]) histogram.observe(value);
  expect(await metrics.text()).toContain(
    [
      'parley_test_seconds_bucket{le="0.1"} 1',
      'parley_test_seconds_bucket{le="1"} 2',
      'parley_test_seconds_bucket{le="+Inf"} 3',
      "parley_test_seconds_sum 2.6",
      "parley_test_seconds_count 3",
    ].join("\n"),
  );
});

test("the process and its event loop are among them", async () => {
  const text = await createMetrics().text();
  expect(text).toContain("process_cpu_seconds_total");
  expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
});
