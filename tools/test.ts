import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { summarize, type TestResults } from "./lib/test-results.ts";
import { readWorkspace } from "./lib/workspace.ts";

/**
 * Builds and tests all packages, and ends with the names of what was skipped and `N passed, N failed, N skipped`, which
 * also stays in `.test-results/summary.txt`. Arguments go to turbo (`--filter=@instar/backend` tests one package).
 *
 * With `INSTAR_REQUIRE_EXAMINERS=1` a test that is skipped because a program is missing fails the run.
 */
const root = resolve(import.meta.dirname, "..");
const folder = join(root, ".test-results");
const args = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const tasks = args.length > 0 ? ["test"] : ["test", "//#test:tools"];
const turbo = spawnSync(
  "turbo",
  ["run", ...tasks, "--continue=dependencies-successful", "--concurrency=100%", ...args],
  { cwd: root, stdio: "inherit", env: { ...process.env, INSTAR_TEST_RESULTS: folder } },
);

const results: TestResults[] = [];
for (const file of readdirSync(folder))
  results.push(JSON.parse(readFileSync(join(folder, file), "utf8")) as TestResults);

const tested = readWorkspace(root).filter(({ manifest }) => manifest.scripts?.["test"]);
const expected = args.length > 0 ? [] : ["tools", ...tested.map(({ dir }) => basename(dir))];
// What fails without a test that fails, such as a build, counts as one.
if (turbo.status !== 0 && summarize(results, expected).failed === 0) {
  results.push({ name: "turbo", passed: 0, failed: ["a task failed; see above"], skipped: [] });
}
const { counts, lines, lacking, failed } = summarize(results, expected);

for (const line of lines) console.log(line);
const refused = process.env["INSTAR_REQUIRE_EXAMINERS"] === "1" && lacking.length > 0;
if (refused) console.log("INSTAR_REQUIRE_EXAMINERS=1: a test skipped for want of a program fails the run");
console.log(counts);
writeFileSync(join(folder, "summary.txt"), `${counts}\n`);
process.exitCode = turbo.status === 0 && failed === 0 && !refused ? 0 : 1;
