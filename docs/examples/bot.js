import { createParley } from "parley-client";

const { PARLEY_URL: url, BOT_NAME: username, BOT_PASSWORD: password } = process.env;
const parley = createParley({ url, deviceName: "bot" });
const me = await parley.login({ username, password });

parley.invitations.subscribe(async () => {
  for (const { invitationId } of parley.invitations.get())
    await parley.rooms
      .acceptInvitation({ by: { case: "invitationId", value: invitationId } })
      .catch(console.error);
});
parley.on("event", ({ roomId, seq, actorId, body }) => {
  if (body.case !== "messagePosted" || actorId === me.userId) return;
  if (body.value.text === "!ping") parley.room(roomId).send("pong", { replyToSeq: seq });
});
parley.connection.subscribe(() => console.log(parley.connection.get().status));
parley.connect();
