import type { TestRunner } from "@instar/backend/conformance";

import { contentRules } from "./content-rules.js";
import { damageRules } from "./damage-rules.js";
import { fileRules } from "./file-rules.js";
import { othersOf, type Trial } from "./trial.js";
import type { ImageFactory, ImageKitOptions } from "./types.js";

/**
 * Defines the tests that a reader of disk images must pass, whatever its format: what the guest sees, what the map tells,
 * whose the file is, what is refused, and what damage may cost. What a backend must do besides is for
 * `@instar/backend/conformance`.
 *
 * @param runner of vitest, node:test, mocha or jest
 */
export function describeImage(runner: TestRunner, factory: ImageFactory, options: ImageKitOptions = {}): void {
  const { seed = Math.floor(Math.random() * 2 ** 31), rounds = 300 } = options;
  runner.describe(`images of the format ${factory.format}`, () => {
    for (const sample of factory.samples) {
      const trial: Trial = { sample, open: (file) => factory.open(file, othersOf(sample)) };
      runner.describe(sample.name, () => {
        contentRules(runner, trial);
        damageRules(runner, trial, { limits: factory.limits, seed, rounds });
      });
    }
    fileRules(runner, factory);
  });
}
