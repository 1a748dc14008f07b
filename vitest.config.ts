import { defineConfig } from "vitest/config";
import { ResultsReporter } from "./tools/test-reporter.ts";

// Every package runs with this file: `vitest run --config ../../vitest.config.ts`.
const results = process.env["INSTAR_TEST_RESULTS"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // turbo runs a package per core beside this one.
    maxWorkers: "50%",
    reporters: results ? ["default", new ResultsReporter(results)] : ["default"],
  },
});
