import { createHash } from "node:crypto";
import express from "express";

const parley = process.env.PARLEY_URL ?? "http://127.0.0.1:8080";
const serverKey = process.env.PARLEY_SERVER_KEY;

/** The application's own accounts, however it keeps them. Here: who knows the secret is Ada. */
const accounts = new Map([
  [hash("ada's cookie"), { id: "1", name: "Ada" }],
  [hash("bob's cookie"), { id: "2", name: "Bob" }],
]);

/** Calls AdminService. The key stays here: no browser ever sees it. */
async function callParley(path, body) {
  const response = await fetch(parley + path, {
    method: "POST",
    headers: { authorization: `Bearer ${serverKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`Parley answered ${response.status}: ${answer.message}`);
  return answer;
}

const app = express();

/** The application's page asks for this when it starts, with the application's own session. */
app.post("/chat/token", async (request, response) => {
  const account = accounts.get(hash(request.get("cookie")?.match(/(?:^|; )session=([^;]*)/)?.[1] ?? ""));
  if (!account) return response.sendStatus(401);
  const { user } = await callParley("/v1/admin/users:ensure", {
    externalId: account.id,
    displayName: account.name,
  });
  const { tokens } = await callParley(`/v1/admin/users/${user.userId}:issueTokens`, { deviceName: "web" });
  response.set("cache-control", "no-store").json({ user, tokens });
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

function hash(secret) {
  return createHash("sha256").update(decodeURIComponent(secret)).digest("hex");
}
