import { expect, test } from "vitest";
import { freePort, topologies } from "../stack.ts";

test.each(topologies)(
  "$name: the operator's port shows metrics and health, the public one doesn't",
  async ({ start }) => {
    const operator = `http://127.0.0.1:${await freePort()}`;
    await using stack = await start({ env: { PARLEY_OPERATOR_PORT: new URL(operator).port } });

    const health = await (await fetch(`${operator}/health`)).json();
    expect(health).toMatchObject({
      status: "ready",
      services: Object.fromEntries(
        ["auth", "room", "message", "delivery"].map((name) => [name, { status: "ok" }]),
      ),
    });
    expect((await fetch(`${operator}/readyz`)).status).toBe(200);

    await fetch(`${stack.url}/v1/users/me`);
    expect(await (await fetch(`${operator}/metrics`)).text()).toContain(
      'parley_requests_total{surface="rest",service="parley.user.v1.UserService",method="GetMe",code="UNAUTHENTICATED"} 1\n',
    );
    for (const path of ["/metrics", "/health"]) expect((await fetch(stack.url + path)).status).toBe(404);
    expect(await stack.terminate()).toBe(0);
  },
);
