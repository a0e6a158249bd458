/** Sends messages until it is killed: `sender.ts <url> <folder of its storage> <roomId> <how many>`. */
import { createParley } from "../../client/index.ts";
import { createFileStorage } from "./file-storage.ts";

const [url, folder, roomId, count] = process.argv.slice(2);
const parley = createParley({ url: url!, storage: createFileStorage(folder!) });
parley.connect();
const room = parley.room(roomId!);
parley.session.subscribe(() => {
  if (parley.session.get().status !== "signedIn") return;
  for (let index = 0; index < Number(count); index += 1) room.send(`message ${index}`);
  // Sent once so many are in the storage or beyond: the first of them are acknowledged by then.
  const watch = setInterval(() => {
    const states = room.state.get().outgoing.map(({ state }) => state);
    if (states.length > 0 && states.length < Number(count)) {
      clearInterval(watch);
      console.log("all are kept");
    }
  }, 1);
});
