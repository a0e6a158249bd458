import { createRoom, given, type Person, startTestRoom } from "./test-room.ts";

/** A room of Ana, its owner, and Ben; Eve is a stranger to it. */
export async function startWithRoom() {
  const parley = await startTestRoom();
  const [ana, ben, eve] = [await parley.person(), await parley.person(), await parley.person()];
  return { parley, ana, ben, eve, roomId: await createRoom(ana, ben) };
}

/** An invitation and its code. */
export async function invite(by: Person, roomId: string, options: object = {}) {
  const { invitation, code } = await by.rooms.createInvitation({ roomId, ...options });
  return { ...given(invitation), code };
}

/** Requests of AcceptInvitation. */
export function byCode(code: string) {
  return { by: { case: "code" as const, value: code } };
}

export function byId(invitationId: string) {
  return { by: { case: "invitationId" as const, value: invitationId } };
}
