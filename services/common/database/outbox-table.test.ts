import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { bytesToId, newId } from "../ids.ts";
import { createOutboxStatements } from "./outbox-table.ts";

function setUp() {
  const db = new DatabaseSync(":memory:");
  onTestFinished(() => db.close());
  // As createOutboxTables makes it.
  db.exec(`create table outbox (id integer primary key autoincrement, topic text not null, key blob not null,
    first_number integer not null, last_number integer not null, created_at integer not null)`);
  return { db, statements: createOutboxStatements(db) };
}

test("announces within the procedure's transaction, and deletes what is published", () => {
  const { db, statements } = setUp();
  const key = newId();
  const insert = (firstNumber: number) =>
    statements.insert({
      topic: "parley.timeline.v1",
      key,
      firstNumber,
      lastNumber: firstNumber + 1,
      createdAt: 7,
    });
  const ids = [insert(1), insert(3), insert(5)];
  statements.delete([ids[0]!, ids[2]!, 99]);
  const rows = db.prepare("select * from outbox").all();
  expect(rows).toMatchObject([
    { id: ids[1], topic: "parley.timeline.v1", first_number: 3, last_number: 4, created_at: 7 },
  ]);
  expect(bytesToId(rows[0]!.key as Uint8Array)).toBe(key);
});

test("never uses an id twice", () => {
  const { statements } = setUp();
  const announcement = {
    topic: "parley.timeline.v1",
    key: newId(),
    firstNumber: 1,
    lastNumber: 1,
    createdAt: 7,
  };
  const id = statements.insert(announcement);
  statements.delete([id]);
  expect(statements.insert(announcement)).toBeGreaterThan(id);
});
