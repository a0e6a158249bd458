import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How many answers were compared, by RPC and surface; `PARLEY_SURFACES_TABLE=1` prints it. */
export interface Table {
  add(row: string, column: string, answers: number): void;
  /** As Markdown, to test/conformance/results/. */
  write(topology: string): void;
}

export function createTable(columns: readonly string[]): Table {
  const rows = new Map<string, Map<string, number>>();
  const lineOf = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return {
    add(row, column, answers) {
      const cells = rows.get(row) ?? new Map<string, number>();
      rows.set(row, cells.set(column, answers));
    },
    write(topology) {
      const lines = [
        lineOf(["RPC", ...columns]),
        lineOf(["---", ...columns.map(() => "--:")]),
        ...[...rows].map(([row, cells]) =>
          lineOf([row, ...columns.map((each) => String(cells.get(each) || "–"))]),
        ),
      ];
      const folder = join(import.meta.dirname, "../results");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `surfaces, ${topology}.md`), `${lines.join("\n")}\n`);
      if (process.env.PARLEY_SURFACES_TABLE) console.log(lines.join("\n"));
    },
  };
}
