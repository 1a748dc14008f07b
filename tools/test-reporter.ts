import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";
import type { Skip, TestResults } from "./lib/test-results.ts";

/** Leaves the counts of a run, and what it skipped, as a file for the summary over all packages. */
export class ResultsReporter implements Reporter {
  readonly #folder: string;
  #name = "";

  /** `folder` takes the file, which is named after the package's folder. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  onInit(vitest: Vitest): void {
    this.#name = basename(vitest.config.root);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const results: TestResults = { name: this.#name, passed: 0, failed: [], skipped: [] };
    for (const module of modules) {
      const broken = module.errors().length > 0;
      if (broken) results.failed.push(`${module.relativeModuleId} (the file itself)`);
      count(module, results);
    }
    if (modules.length === 0) results.failed.push("there are no test files");
    for (const error of unhandled) results.failed.push(`unhandled error: ${error.message}`);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, `${this.#name}.json`), JSON.stringify(results));
  }
}

function count(parent: TestModule | TestSuite, results: TestResults): void {
  for (const child of parent.children) {
    if (child.type === "suite" && isSkipped(child)) results.skipped.push(skipOf(child));
    else if (child.type === "suite") countSuite(child, results);
    else countTest(child, results);
  }
}

function countSuite(suite: TestSuite, results: TestResults): void {
  if (suite.errors().length > 0) results.failed.push(`${suite.module.relativeModuleId}: ${suite.fullName} (the suite)`);
  count(suite, results);
}

function countTest(test: TestCase, results: TestResults): void {
  const result = test.result();
  const name = `${test.module.relativeModuleId}: ${test.fullName}`;
  if (result.state === "passed") results.passed++;
  else if (result.state === "failed") results.failed.push(name);
  else if (result.state === "skipped") results.skipped.push({ name, tests: 1, note: result.note });
  else results.failed.push(`${name} (did not end)`);
}

/** A suite all of whose tests are skipped is told in one line. */
function isSkipped(suite: TestSuite): boolean {
  const tests = [...suite.children.allTests()];
  return tests.length > 1 && suite.errors().length === 0 && tests.every((test) => test.result().state === "skipped");
}

function skipOf(suite: TestSuite): Skip {
  const tests = [...suite.children.allTests()];
  const notes = new Set(tests.map((test) => noteOf(test)));
  const note = notes.size === 1 ? [...notes][0] : undefined;
  return { name: `${suite.module.relativeModuleId}: ${suite.fullName}`, tests: tests.length, note };
}

function noteOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === "skipped" ? result.note : undefined;
}
