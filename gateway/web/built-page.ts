import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type Asset, createAsset } from "../docs/asset.ts";

/** How a body may be encoded, the smallest first. */
export const encodings = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

export type Encoding = (typeof encodings)[number]["name"];

/** A file of the page, as it is and as it was compressed when the page was built. */
export interface PageFile {
  readonly path: string;
  readonly plain: Asset;
  readonly encoded: Partial<Record<Encoding, Asset>>;
  /** Its name has a hash of its bytes: what has been fetched once never changes. */
  readonly immutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Where `npm run build` puts the page. */
export const builtFolder = new URL("./built/", import.meta.url);

/**
 * What was built, all of it: some hundred KB, read once. Nothing where nothing was built: Parley also runs without its
 * page.
 */
export function readBuiltPage(folder: URL = builtFolder): readonly PageFile[] {
  if (!existsSync(new URL("index.html", folder))) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) =>
    name.replaceAll("\\", "/"),
  );
  return names.flatMap((name) => {
    const type = types[name.split(".").at(-1) ?? ""];
    if (type === undefined) return [];
    const encoded = encodings
      .filter(({ suffix }) => names.includes(name + suffix))
      .map(({ name: encoding, suffix }) => [encoding, read(name + suffix, type)]);
    return {
      path: name === "index.html" ? "/" : `/${name}`,
      plain: read(name, type),
      encoded: Object.fromEntries(encoded),
      immutable: name.startsWith("assets/"),
    };
  });

  function read(name: string, type: string): Asset {
    return createAsset(readFileSync(new URL(name, folder)), type);
  }
}
