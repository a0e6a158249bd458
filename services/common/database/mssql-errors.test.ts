import { describe, expect, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import { TransactionConflictError } from "./errors.ts";
import { MSSQLError, RequestError } from "./mssql-driver.ts";
import { isConflict, isDisconnect, isDuplicate, toDatabaseError, toUniqueViolation } from "./mssql-errors.ts";

/** As the driver throws what the server said. */
function said(number: number, message = "", severity = 16): Error {
  return Object.assign(new RequestError(message, "EREQUEST"), {
    number,
    class: severity as unknown as string,
  });
}

/** Of the driver itself. */
const found = (code: string, message = "it failed") => Object.assign(new MSSQLError(message), { code });
/** Of the driver, about a connection that it is asked on. */
const unfit = (state: string) =>
  found("EINVALIDSTATE", `Requests can only be made in the LoggedIn state, not the ${state} state`);

describe("what SQL Server says is told apart", () => {
  test.each([
    ["a lock that was not to be had in time", said(1222)],
    ["no locks left", said(1204)],
    ["a session that is being ended", said(596)],
    ["a server that is shut down", said(6005)],
    ["a failover on Azure", said(40613)],
    ["a replica that is a secondary now", said(983)],
    ["a database that is coming up", said(922)],
    ["a connection that was cut", said(10054)],
    ["the log on a full disk", said(9002)],
    ["anything after which the server ends the connection", said(21, "fatal error 823", 24)],
    ["a socket that broke", found("ESOCKET")],
    ["a connection that was closed", found("ECONNCLOSED")],
    ["an answer that did not come", found("ETIMEOUT")],
    ["a connection that was gone before", unfit("Final")],
    ["a transaction whose connection is gone", found("EABORT")],
    ["no connection to be had", Object.assign(new Error("pool"), { name: "TimeoutError" })],
    ["Babelfish's time-out of a lock", said(33557097, "canceling statement due to lock timeout")],
    [
      "Babelfish's process that was ended",
      said(33557097, "terminating connection due to administrator command"),
    ],
    ["a Babelfish that starts", said(33557097, "the database system is starting up")],
  ])("%s: unavailable", (_, error) => {
    expect(toDatabaseError(error)).toBeInstanceOf(UnavailableError);
    expect(toDatabaseError(error)).not.toBeInstanceOf(TransactionConflictError);
    expect(toDatabaseError(error).cause).toBe(error);
  });

  test.each([
    ["a deadlock's victim", said(1205, "", 13)],
    ["a row that was changed since the snapshot", said(3960)],
  ])("%s: may be done again", (_, error) => {
    expect(isConflict(error)).toBe(true);
    expect(toDatabaseError(error)).toBeInstanceOf(TransactionConflictError);
  });

  test.each([
    ["a faulty statement", said(102, "Incorrect syntax near 'from'.")],
    ["a column that takes no null", said(515)],
    ["what else Babelfish has no number for", said(33557097, "'WAITFOR' is not currently supported")],
    ["a connection that is asked two things at once", unfit("SentClientRequest")],
    ["a fault of ours", new TypeError("no")],
  ])("%s: as it is", (_, error) => {
    expect(toDatabaseError(error)).toBe(error);
    expect([isConflict(error), isDisconnect(error), isDuplicate(error)]).toEqual([false, false, false]);
  });

  test("of a lost connection nobody knows what happened", () => {
    expect(["ESOCKET", "ECONNCLOSED", "ECONNRESET"].map((code) => isDisconnect(found(code)))).toEqual(
      Array(3).fill(true),
    );
    expect(isDisconnect(said(596, "", 21))).toBe(true);
    expect(isDisconnect(unfit("Final"))).toBe(true);
    expect(isDisconnect(said(1222))).toBe(false);
    expect(isDisconnect(found("ETIMEOUT"))).toBe(false);
  });

  test("a doubled key is told by the longest name of an index that the message begins with", () => {
    const indexes = new Map([
      ["item_by", { table: "other", columns: ["id"] }],
      ["item_by_name", { table: "item", columns: ["name"] }],
    ]);
    const texts = [
      "Violation of UNIQUE KEY constraint 'item_by_name'. Cannot insert duplicate key in object 'room.item'.",
      'duplicate key value violates unique constraint "item_by_nameitem0cc175b9c0f1b6a831c399e269772661"',
    ];
    for (const text of texts) {
      expect(isDuplicate(said(2627, text))).toBe(true);
      expect(toUniqueViolation(said(2627, text), indexes)).toMatchObject({
        table: "item",
        columns: ["name"],
      });
    }
    expect(toUniqueViolation(said(2601, "in 'nobody knows'"), indexes)).toMatchObject({
      table: "",
      columns: [],
    });
  });
});
