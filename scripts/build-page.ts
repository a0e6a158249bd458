/**
 * `npm run build`: the page of gateway/web/page/ into gateway/web/built/, with each file beside itself as brotli and
 * gzip have it, for the gateway to serve as it is. `--watch` builds again at every change.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";

const web = join(import.meta.dirname, "../gateway/web");
const outDir = join(web, "built");

await build({
  root: join(web, "page"),
  configFile: false,
  logLevel: "warn",
  // Nothing of the machine gets in: the same sources make the same bytes.
  envDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Small files would become data: URLs, which its Content-Security-Policy has no use for.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
    watch: process.argv.includes("--watch") ? {} : null,
  },
  plugins: [compressed()],
});

/** Once, here, as small as it gets, and not for each request. */
function compressed(): Plugin {
  return {
    name: "compressed",
    writeBundle() {
      for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue;
        const file = join(outDir, name);
        const plain = readFileSync(file);
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
        writeFileSync(`${file}.br`, brotliCompressSync(plain, { params }));
      }
    },
  };
}
