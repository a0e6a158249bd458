import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { build } from "vite";
import { installPackage, root } from "../client/installed-package.ts";

/** What the page around the component does: what an application would. */
const main = `
import { createRoot } from "react-dom/client";
import { createParley } from "parley-client";
import { ChatRoom } from "./chat-room.jsx";

const { url, roomId, tokens } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const parley = createParley({ url });
await parley.useTokens(tokens);
parley.connect();
createRoot(document.body).render(<ChatRoom parley={parley} roomId={roomId} />);
`;
const index = `<!doctype html><title>React</title><body><script type="module" src="./main.jsx"></script></body>`;
const types: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/**
 * An application with React that shows docs/examples/chat-room.jsx and uses the client as it is published, on an origin
 * of its own. What it shows is behind the `#`.
 */
export async function startReactPage() {
  const { folder, remove } = installPackage();
  for (const name of ["react", "react-dom", "scheduler"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  copyFileSync(join(root, "docs/examples/chat-room.jsx"), join(folder, "chat-room.jsx"));
  writeFileSync(join(folder, "main.jsx"), main);
  writeFileSync(join(folder, "index.html"), index);
  await build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "react" } },
    // Its linked packages are found from where they are linked.
    resolve: { preserveSymlinks: true },
    build: { target: "es2022", chunkSizeWarningLimit: 1_000 },
  });

  const server = createServer(({ url = "/" }, response) => {
    const path = url === "/" ? "/index.html" : url;
    try {
      const file = readFileSync(join(folder, "dist", path));
      response
        .writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" })
        .end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      remove();
    },
  };
}
