// The site: one document, the engine in a module worker, `public/` (weights, icon) copied as it is.

import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the built site works under any path.
  base: "./",
  build: { outDir: "dist", assetsInlineLimit: 0 },
  worker: { format: "es" },
});
