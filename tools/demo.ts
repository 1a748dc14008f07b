import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { run } from "./lib/run.ts";

/** Builds what the demo needs, quietly, and runs it on the terminal as it is. */
const root = resolve(import.meta.dirname, "..");

console.log("building ...");
const build = run("turbo", ["run", "build", "--filter=@instar/demo^..."], { cwd: root });
if (build.ok) {
  const demo = spawnSync("node", ["--run", "demo"], { cwd: join(root, "demo"), stdio: "inherit" });
  process.exitCode = demo.status ?? 1;
} else {
  console.error(build.output);
  process.exitCode = 1;
}
