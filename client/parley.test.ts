import { expect, test } from "vitest";
import { createMemoryStorage } from "./memory-storage.ts";
import { createParley } from "./parley.ts";

test("a client that is closed isn't held by its storage, and looks there when it connects again", async () => {
  const memory = createMemoryStorage();
  let listening = 0;
  const listen: typeof memory.listen = (listener) => {
    const stop = memory.listen!(listener);
    listening += 1;
    return () => {
      listening -= 1;
      stop();
    };
  };
  const url = "http://127.0.0.1:9";
  const parley = createParley({ url, storage: { ...memory, listen } });
  const other = createParley({ url, storage: memory });
  await expect.poll(() => parley.session.get().status).toBe("signedOut");
  expect(listening).toBe(1);
  await parley.close();
  await parley.close();
  expect(listening).toBe(0);
  const user = { userId: "ada", username: "ada", displayName: "Ada", createdAt: 0 };
  const [endsAt, renewAt] = [Infinity, Infinity];
  await memory.set("session", { accessToken: "a", refreshToken: "r", endsAt, renewAt, user });
  memory.announce!({ type: "session" });
  await expect.poll(() => other.session.get().status).toBe("signedIn");
  expect(parley.session.get().status).toBe("signedOut");
  parley.connect();
  expect(listening).toBe(1);
  await expect.poll(() => parley.session.get().status).toBe("signedIn");
  await parley.close();
  await other.close();
  expect(listening).toBe(0);
});
