import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { run } from "../lib/run.ts";
import { summarize, type TestResults } from "../lib/test-results.ts";
import { type Files, sample } from "./sample.ts";

const sound: TestResults = { name: "a", passed: 2, failed: [], skipped: [] };

it("adds up packages, and names what failed and what was skipped", () => {
  const other: TestResults = {
    name: "b",
    passed: 3,
    failed: ["b.test.ts: x"],
    skipped: [{ name: "b.test.ts: y", tests: 5, note: "why" }],
  };
  expect(summarize([sound, other])).toEqual({
    counts: "5 passed, 1 failed, 5 skipped",
    lines: ["skipped: b: b.test.ts: y (5 tests) - why", "failed: b: b.test.ts: x"],
    lacking: [],
    failed: 1,
  });
});

it("counts a package without results as failed", () => {
  const { counts, lines } = summarize([sound], ["a", "b"]);
  expect(counts).toBe("2 passed, 1 failed, 0 skipped");
  expect(lines).toEqual(["failed: b: its tests gave no results"]);
});

it.each([
  ["interop (Debian package qemu-utils is missing)", true],
  ["loads in a browser (needs chromium)", true],
  ["truncate: not in the manifest", false],
])("tells skips for want of a program: %s", (name, lacks) => {
  const { lacking } = summarize([{ ...sound, skipped: [{ name, tests: 1 }] }]);
  expect(lacking.length > 0).toBe(lacks);
});

function runVitest(files: Files): TestResults {
  const folder = mkdtempSync(join(tmpdir(), "instar-results-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const root = sample(files);
  const config = resolve(import.meta.dirname, "../../vitest.config.ts");
  const env = { ...process.env, INSTAR_TEST_RESULTS: folder };
  const vitest = run("vitest", ["run", "--root", root, "--config", config], { cwd: root, env });
  expect(vitest.ok).toBe(false);
  return JSON.parse(readFileSync(join(folder, `${basename(root)}.json`), "utf8")) as TestResults;
}

it("counts a package without test files as failed", () => {
  expect(runVitest({})).toMatchObject({ passed: 0, failed: ["there are no test files"] });
});

it("gets every outcome from vitest", () => {
  const results = runVitest({
    "test/outcomes.test.ts": `
      import { describe, expect, it } from "vitest";
      it("passes", () => {});
      it("fails", () => expect(1).toBe(2));
      it("skips itself", ({ skip }) => skip("for a reason"));
      describe.skip("a skipped suite", () => { it("one", () => {}); it("two", () => {}); });
      describe("a suite", () => { it.skip("with one skipped", () => {}); it("and one not", () => {}); });`,
    "test/broken.test.ts": `throw new Error("does not load");`,
  });
  expect(results).toMatchObject({
    passed: 2,
    failed: ["test/broken.test.ts (the file itself)", "test/outcomes.test.ts: fails"],
    skipped: [
      { name: "test/outcomes.test.ts: skips itself", tests: 1, note: "for a reason" },
      { name: "test/outcomes.test.ts: a skipped suite", tests: 2 },
      { name: "test/outcomes.test.ts: a suite > with one skipped", tests: 1 },
    ],
  });
});
