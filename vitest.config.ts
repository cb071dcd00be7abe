// Three suites: `main` (everything in Node, kernels on a real or software GPU), `browser` (the built page in Chromium)
// and `long`. `npm test` runs the first two.

import { configDefaults, defineConfig } from "vitest/config";
import { findGpuEnvironment } from "./scripts/node/gpu-environment.ts";

// The test processes inherit what they need to find a GPU. A missing GPU fails the run.
Object.assign(process.env, findGpuEnvironment());

export default defineConfig({
  test: {
    pool: "forks",
    // Software adapters use every core by themselves.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "main",
          // Files of a process share compiled kernels: tests/gpu/shared-gpu.ts.
          isolate: false,
          include: ["tests/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "tests/browser/**", "tests/long/**"],
        },
      },
      {
        extends: true,
        test: { name: "browser", include: ["tests/browser/**/*.test.ts"], fileParallelism: false },
      },
      {
        extends: true,
        test: { name: "long", include: ["tests/long/**/*.test.ts"], fileParallelism: false, testTimeout: 3_600_000 },
      },
    ],
  },
});
