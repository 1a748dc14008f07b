import { Kit } from "./kit.js";
import { allocateRules } from "./rules/allocate.js";
import { abortRules } from "./rules/abort.js";
import { closeRules } from "./rules/close.js";
import { discardRules } from "./rules/discard.js";
import { extentsRules } from "./rules/extents.js";
import { growRules } from "./rules/grow.js";
import { manifestRules } from "./rules/manifest.js";
import { parallelRules } from "./rules/parallel.js";
import { randomRules } from "./rules/random-operations.js";
import { readRules } from "./rules/read.js";
import { reopenRules } from "./rules/reopen.js";
import { syncRules } from "./rules/sync.js";
import { truncateRules } from "./rules/truncate.js";
import { writeZeroesRules } from "./rules/write-zeroes.js";
import { writeRules } from "./rules/write.js";
import type { BackendFactory, ConformanceOptions, TestRunner } from "./types.js";

/**
 * Defines the tests that every backend has to pass: one for each rule of the contract.
 *
 * Which tests there are follows from the manifest that the factory declares, and from nothing else. Each test makes a
 * backend of its own, and several may run at once.
 *
 * @param runner - the `describe` and `it` of a test runner.
 * @param factory - makes the backends under test.
 * @param options - the seed and length of the random tests.
 */
export function describeBackend(runner: TestRunner, factory: BackendFactory, options: ConformanceOptions = {}): void {
  const kit = new Kit(runner, factory, options);
  kit.group(`${factory.name} keeps the backend contract`, () => {
    manifestRules(kit);
    readRules(kit);
    writeRules(kit);
    growRules(kit);
    truncateRules(kit);
    writeZeroesRules(kit);
    discardRules(kit);
    allocateRules(kit);
    extentsRules(kit);
    syncRules(kit);
    parallelRules(kit);
    abortRules(kit);
    closeRules(kit);
    reopenRules(kit);
    randomRules(kit);
  });
}
