// The site: one document, the engine in a module worker, `public/` (weights, icon) copied as it is.

import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string };

export default defineConfig({
  // Relative addresses, so that the built site works under any path.
  base: "./",
  build: { outDir: "dist", assetsInlineLimit: 0 },
  worker: { format: "es" },
  // For the page's reports of faults.
  define: { __VERSION__: JSON.stringify(version) },
});
