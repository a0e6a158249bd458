import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What deploy/Dockerfile says about the image, for tests that do the same without an engine. */
export interface Image {
  /** The words after `npm` of the command that installs packages. */
  readonly install: string[];
  readonly env: Record<string, string>;
  readonly ports: number[];
  readonly uid: number;
  /** The words after the node binary. */
  readonly entry: string[];
  readonly command: string[];
  readonly healthCheck: string[];
}

const node = "/nodejs/bin/node";

export function readImage(): Image {
  const text = readFileSync(join(import.meta.dirname, "../../deploy/Dockerfile"), "utf8");
  // Lines that go on are one.
  const lines = text.replaceAll(/\\\n\s*/g, "").split("\n");
  const last = (instruction: string) =>
    lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? "";
  const afterNode = (words: string[]) =>
    words[0] === node ? words.slice(1) : fail(`it should begin with ${node}`);
  const [, install = ""] = /^RUN npm (ci --omit=dev .*?)( &&.*)?$/m.exec(lines.join("\n")) ?? [];
  return {
    install: install.split(" "),
    env: Object.fromEntries(
      last("ENV")
        .split(/\s+/)
        .map((pair) => pair.split(/=(.*)/s) as [string, string]),
    ),
    ports: last("EXPOSE").split(" ").map(Number),
    uid: Number(last("USER").split(":")[0]),
    entry: afterNode(JSON.parse(last("ENTRYPOINT"))),
    command: JSON.parse(last("CMD")),
    healthCheck: afterNode(JSON.parse(last("HEALTHCHECK").replace(/^.*?CMD /, ""))),
  };
}

function fail(why: string): never {
  throw new Error(`deploy/Dockerfile: ${why}`);
}
