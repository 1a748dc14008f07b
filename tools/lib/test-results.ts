/** What one package's tests came to. */
export interface TestResults {
  readonly name: string;
  passed: number;
  /** Names of what failed. */
  readonly failed: string[];
  readonly skipped: Skip[];
}

/** A test that was skipped, or a suite of them. */
export interface Skip {
  readonly name: string;
  /** How many tests it holds. */
  readonly tests: number;
  /** What the test said about it, where it did. */
  readonly note?: string | undefined;
}

/** The sum over packages. */
export interface Summary {
  /** `N passed, N failed, N skipped`. */
  readonly counts: string;
  /** What failed and what was skipped, one line each. */
  readonly lines: readonly string[];
  /** What was skipped because the machine lacks a program that tests call in. */
  readonly lacking: readonly string[];
  readonly failed: number;
}

/** Adds up results; `expected` names the packages that must have some. */
export function summarize(results: readonly TestResults[], expected: readonly string[] = []): Summary {
  const failures: string[] = [];
  const skips: string[] = [];
  const lacking: string[] = [];
  let passed = 0;
  let skipped = 0;
  for (const result of results) {
    passed += result.passed;
    failures.push(...result.failed.map((name) => `failed: ${result.name}: ${name}`));
    for (const { name, tests, note } of result.skipped) {
      skipped += tests;
      const line = `${result.name}: ${name}${tests > 1 ? ` (${tests} tests)` : ""}${note ? ` - ${note}` : ""}`;
      skips.push(`skipped: ${line}`);
      if (lacksProgram(line)) lacking.push(line);
    }
  }
  for (const name of expected) {
    if (!results.some((result) => result.name === name)) failures.push(`failed: ${name}: its tests gave no results`);
  }
  const counts = `${passed} passed, ${failures.length} failed, ${skipped} skipped`;
  return { counts, lines: [...skips, ...failures], lacking, failed: failures.length };
}

/** Whether a skip names a Debian package, or a program of one, that tests use as an examiner. */
function lacksProgram(line: string): boolean {
  return /\b(?:qemu-(?:utils|img|io|nbd)|libnbd-bin|nbdinfo|nbdcopy|nbdsh|nbdkit|fio|chromium)\b/.test(line);
}
