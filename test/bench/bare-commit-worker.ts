import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** One transaction a batch: head update, insert, outbox insert, as libraries of this kind can't do with less. */
const db = new DatabaseSync(workerData as string);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 0;
  CREATE TABLE head (room TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE message (room TEXT, seq INTEGER, client_id TEXT, at INTEGER, text TEXT, PRIMARY KEY (room, seq)) WITHOUT ROWID;
  CREATE TABLE outbox (id INTEGER PRIMARY KEY, room TEXT, seq INTEGER);
`);
const begin = db.prepare("BEGIN IMMEDIATE");
const commit = db.prepare("COMMIT");
const next = db.prepare(
  "INSERT INTO head VALUES (?, 1) ON CONFLICT (room) DO UPDATE SET seq = seq + 1 RETURNING seq",
);
const insert = db.prepare("INSERT INTO message VALUES (?, ?, ?, ?, ?)");
const announce = db.prepare("INSERT INTO outbox (room, seq) VALUES (?, ?)");

/** A checkpoint after the answer holds up nobody who waits for this commit; one inside it would. */
const messagesPerCheckpoint = 10_000;
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
let sinceCheckpoint = 0;

parentPort?.on("message", (batch: [room: string, clientId: string, text: string][]) => {
  const at = Date.now();
  begin.run();
  const results = batch.map(([room, clientId, text]) => {
    const { seq } = next.get(room) as { seq: number };
    insert.run(room, seq, clientId, at, text);
    announce.run(room, seq);
    return [seq, at];
  });
  commit.run();
  parentPort?.postMessage(results);
  sinceCheckpoint += batch.length;
  if (sinceCheckpoint < messagesPerCheckpoint) return;
  sinceCheckpoint = 0;
  checkpoint.all();
});
