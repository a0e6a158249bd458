/**
 * `npm run generate` writes docs/client-reference.md: what client/index.ts exports, with its comments, as it stands in
 * the code. With `--check` it changes nothing and fails when the page is another.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const page = "docs/client-reference.md";
const folder = "client";
const face = readFileSync(join(folder, "index.ts"), "utf8");
const sources = readdirSync(folder)
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name) => readFileSync(join(folder, name), "utf8"));

const text = reference();
if (!process.argv.includes("--check")) writeFileSync(page, text);
else if (readFileSync(page, "utf8") !== text) {
  console.error(`${page} is not up to date, run npm run generate`);
  process.exitCode = 1;
}

function reference(): string {
  const own = exported(/from "\.\/[^"]+"/);
  const others = exported(/from "(#gen|@)[^"]+"/);
  const parts = own.map((name) => declarationOf(name));
  return [
    "# Reference of the TypeScript client",
    "Everything that `parley-client` exports. How to begin is in [clients.md](clients.md#the-typescript-client).",
    `From the contracts ([api.md](api.md)) come ${others.map((name) => `\`${name}\``).join(", ")}.`,
    ...parts
      .sort((a, b) => a.rank - b.rank)
      .flatMap(({ name, comment, code }) => [
        `## ${name}`,
        ...(comment === "" ? [] : [comment]),
        `\`\`\`ts\n${code}\n\`\`\``,
      ]),
  ]
    .join("\n\n")
    .concat("\n");
}

/** Names in the export statements from such places. */
function exported(from: RegExp): string[] {
  return [...face.matchAll(/export (?:type )?\{([^}]*)\} (from "[^"]+")/g)]
    .filter(([, , place]) => from.test(place!))
    .flatMap(([, names]) => names!.split(",").map((name) => name.trim().replace(/^type /, "")))
    .filter((name) => name !== "");
}

interface Declaration {
  readonly name: string;
  readonly comment: string;
  readonly code: string;
  /** Functions first, then what they answer. */
  readonly rank: number;
}

function declarationOf(name: string): Declaration {
  const start = new RegExp(
    `(/\\*\\*(?:(?!\\*/)[^])*\\*/\\n)?export (interface|type|class|function) ${name}\\b`,
  );
  for (const source of sources) {
    const match = start.exec(source);
    if (!match) continue;
    const [, comment = "", kind] = match;
    const code = codeFrom(source.slice(match.index + comment.length), kind!);
    const rank = ["function", "class"].indexOf(kind!);
    return { name, comment: plain(comment), code, rank: rank < 0 ? (name === "Parley" ? 1 : 2) : rank };
  }
  throw new Error(`client/index.ts exports ${name}, which no file declares`);
}

/** A declaration without what it does: of a function its head, of a class its fields. */
function codeFrom(rest: string, kind: string): string {
  const code = rest.slice("export ".length);
  if (kind === "function") return `${code.slice(0, code.indexOf(" {\n"))};`;
  if (kind === "type") return code.slice(0, code.search(/;\n(?! {2})/) + 1);
  const end = code.indexOf("\n}\n");
  if (kind !== "class") return code.slice(0, end + 2);
  return `${code.slice(0, code.indexOf("\n\n  constructor"))}\n}`;
}

function plain(comment: string): string {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\/?\*{1,2}\/?\s?|\s*\*\/$/g, ""));
  return lines.join(" ").replace(/\s+/g, " ").trim();
}
