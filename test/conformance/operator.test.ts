import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../services/common/test-free-port.ts";
import { type Stack, topologies } from "../stack.ts";
import { createApi, ok, roomOf, send } from "./api.ts";
import { connect } from "./realtime-client.ts";

const root = join(import.meta.dirname, "../..");

describe.each(topologies)("the operator's port: $name", ({ start, isWhole }) => {
  beforeEach(({ skip }) => skip(!isWhole, "each process has the metrics of its own parts"));

  let stack: Stack;
  let operator: string;
  const metrics = async () => (await fetch(`${operator}/metrics`)).text();

  beforeAll(async () => {
    operator = `http://127.0.0.1:${await freePort()}`;
    stack = await start({ env: { PARLEY_OPERATOR_PORT: new URL(operator).port } });
    const [author] = await createApi(stack.url).people(1);
    await send(author!, await roomOf(author!), "hello");
    await ok(author!.get("/v1/users/me"));
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  test("shows the health of the parts", async () => {
    const health = await (await fetch(`${operator}/health`)).json();
    expect(health).toMatchObject({
      status: "ready",
      services: Object.fromEntries(
        ["auth", "room", "message", "delivery"].map((name) => [name, { status: "ok" }]),
      ),
    });
    expect((await fetch(`${operator}/readyz`)).status).toBe(200);
  });

  test("counts calls by surface, RPC and code", async () => {
    await fetch(`${stack.url}/v1/users/me`);
    const labels = 'surface="rest",service="parley.user.v1.UserService",method="GetMe"';
    const text = await metrics();
    expect(text).toContain(`parley_requests_total{${labels},code="OK"} 1\n`);
    expect(text).toContain(`parley_requests_total{${labels},code="UNAUTHENTICATED"} 1\n`);
    expect(text).toContain(`parley_request_duration_seconds_count{${labels}} 2\n`);
    expect(text).toContain('parley_timeline_writes_total{op="send",outcome="done"} 1\n');
    expect(text).toMatch(/parley_commit_batch_size_count [1-9]/);
  });

  test("shows that the last connection has ended", async () => {
    const [person] = await createApi(stack.url).people(1);
    const open = 'parley_connections{surface="websocket",format="json"}';
    const socket = await connect(stack.socketUrl, person!.accessToken);
    expect(await metrics()).toContain(`${open} 1\n`);
    socket.drop();
    await expect.poll(metrics).toContain(`${open} 0\n`);
  });

  test("is not reached by the public port", async () => {
    for (const path of ["/metrics", "/health"]) expect((await fetch(stack.url + path)).status).toBe(404);
  });

  test("every metric is in the handbook, and the other way round", async () => {
    const handbook = readFileSync(join(root, "docs/operations.md"), "utf8");
    const told = [...handbook.matchAll(/^\| `(parley_\w+)` +\| (\w+) /gm)].map(([, ...row]) => row.join(" "));
    const shown = [...(await metrics()).matchAll(/^# TYPE (parley_\w+) (\w+)$/gm)].map(([, ...row]) =>
      row.join(" "),
    );
    expect(told.toSorted()).toEqual(shown.toSorted());
  });

  test("the dashboard asks for what there is, and shows all that is Parley's own", async () => {
    const dashboard = JSON.parse(readFileSync(join(root, "deploy/grafana/parley.json"), "utf8"));
    const targets = dashboard.panels.flatMap(
      (panel: { targets?: { expr: string }[] }) => panel.targets ?? [],
    );
    const asked = targets.flatMap(({ expr }: { expr: string }) =>
      expr.match(/\b(parley|nodejs|process)_\w+/g),
    );
    const types = [...(await metrics()).matchAll(/^# TYPE (\w+) (\w+)$/gm)];
    const shown = new Set(types.map(([, name, type]) => (type === "histogram" ? `${name}_bucket` : name)));
    expect(asked.length).toBeGreaterThan(40);
    expect(asked.filter((name: string) => !shown.has(name))).toEqual([]);
    const own = [...shown].filter((name) => name?.startsWith("parley_"));
    expect(own.filter((name) => !asked.includes(name))).toEqual([]);
    const ids = dashboard.panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("it ends with the process", async () => {
    expect(await stack.terminate()).toBe(0);
    await expect(fetch(`${operator}/healthz`)).rejects.toThrow();
  });
});
