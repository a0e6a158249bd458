import { randomUUID } from "node:crypto";

const { PARLEY_URL: url, BOT_NAME: username, BOT_PASSWORD: password } = process.env;
const cursors = new Map(); // roomId -> seq of the last event that was dealt with
const unanswered = new Map(); // clientId -> the message, until the server has it
let epoch;
let tokens;

async function post(path, body) {
  const answer = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

const { user, tokens: first } = await post("/v1/auth/login", { username, password });
tokens = first;

/** One connection; resolves when it has ended, with the time to wait before the next. */
function live() {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/realtime`, "parley.v1.json");
    const send = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
    let waitMs = 500 + Math.random() * 1500;
    // A server that is gone without a word answers no ping.
    let heard = Date.now();
    const watch = setInterval(
      () => (Date.now() - heard > 60_000 ? socket.close() : send({ ping: {} })),
      20_000,
    );

    socket.onopen = () => {
      const rooms = [...cursors].map(([roomId, afterSeq]) => ({ roomId, afterSeq }));
      send({ ref: "hello", hello: { accessToken: tokens.accessToken, rooms, epoch } });
    };
    socket.onclose = () => {
      clearInterval(watch);
      resolve(waitMs);
    };
    socket.onerror = () => {};
    socket.onmessage = ({ data }) => {
      heard = Date.now();
      const { ref, ready, event, ack, error, gap, goodbye } = JSON.parse(data);
      if (ready) {
        console.log("connected");
        epoch = ready.epoch;
        // Sent again with the same clientId, a message is posted once.
        for (const [clientId, message] of unanswered) send({ ref: clientId, send: message });
      }
      if (ack) unanswered.delete(ref);
      if (error && unanswered.has(ref)) {
        console.error(error.message);
        // 14: later; everything else is answered the same again.
        if (error.code !== 14) unanswered.delete(ref);
      }
      // What was missed is more than is sent; a bot that answers people lets it be.
      if (gap?.roomId) cursors.set(gap.roomId, String(BigInt(gap.nextSeq) - 1n));
      if (goodbye) waitMs = Number.parseFloat(goodbye.reconnectAfter ?? "1s") * 1000;
      if (!event || BigInt(event.seq) <= BigInt(cursors.get(event.roomId) ?? 0)) return;
      cursors.set(event.roomId, event.seq);
      if (event.messagePosted?.text !== "!ping" || event.actorId === user.userId) return;
      const clientId = randomUUID();
      const message = { roomId: event.roomId, clientId, text: "pong", replyToSeq: event.seq };
      unanswered.set(clientId, message);
      send({ ref: clientId, send: message });
    };
  });
}

for (;;) {
  const waitMs = await live();
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  // Access tokens live for 10 minutes; the connection ended when this one did, at the latest.
  try {
    ({ tokens } = await post("/v1/auth/refresh", { refreshToken: tokens.refreshToken }));
  } catch (error) {
    console.error(error.message);
  }
}
