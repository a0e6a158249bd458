import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** None where there is nothing to compare with. */
  readonly bare?: number;
  readonly parley: number;
  /** What it has to be; none where it is shown for comparison alone. */
  readonly budget?: { readonly text: string; readonly met: boolean };
}

export function printTable(rows: readonly Row[]): void {
  const cell = (value: number) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2));
  const table = rows.map(({ what, unit, bare, parley, budget }) => [
    what,
    unit,
    bare === undefined ? "" : cell(bare),
    cell(parley),
    bare === undefined ? "" : (parley / bare).toFixed(2),
    budget?.text ?? "",
    budget === undefined ? "" : budget.met ? "met" : "MISSED",
  ]);
  const lines = [["", "unit", "bare", "parley", "ratio", "budget", ""], ...table];
  const widths = [0, 1, 2, 3, 4, 5, 6].map((i) => Math.max(...lines.map((line) => line[i]!.length)));
  for (const line of lines) {
    const padded = line.map((text, i) => (i < 2 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)));
    console.log(padded.join("  "));
  }
}

/** Keeps the numbers, with what they were measured on, in test/bench/results/. Answers the file. */
export function keepResults(rows: readonly Row[], settings: object): string {
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, "-")}.json`);
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  writeFileSync(file, `${JSON.stringify({ machine, settings, rows }, null, 2)}\n`);
  return file;
}
