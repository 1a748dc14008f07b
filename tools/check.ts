import { resolve } from "node:path";
import { spawnSync } from "node:child_process";
import { checkApi, updateApi } from "./check-api.ts";
import { checkFiles } from "./check-files.ts";
import { checkLayers } from "./check-layers.ts";
import { checkPublished } from "./check-published.ts";
import { checkPurity } from "./check-purity.ts";
import { checkReadmes } from "./check-readmes.ts";

/** One check: a program, or a rule that gives one line for each fault. */
type Check = readonly [command: string, ...args: string[]] | ((root: string) => string[] | Promise<string[]>);

const checks: Readonly<Record<string, Check>> = {
  types: ["turbo", "run", "typecheck", "//#typecheck:tools", "--continue=always"],
  lint: ["node", "--run", "lint"],
  format: ["oxfmt", "--check"],
  knip: ["knip", "--no-config-hints"],
  layers: checkLayers,
  purity: checkPurity,
  files: checkFiles,
  api: checkApi,
  published: checkPublished,
  readmes: checkReadmes,
};

const root = resolve(import.meta.dirname, "..");

async function runOne(name: string, check: Check): Promise<boolean> {
  console.log(`\n== ${name}`);
  if (typeof check !== "function") {
    const [command, ...args] = check;
    return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status === 0;
  }
  try {
    const faults = await check(root);
    for (const fault of faults) console.error(fault);
    return faults.length === 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

/** `check` runs all checks, `check NAME…` some of them, `check --update-api` writes the reports of the API. */
async function main(args: readonly string[]): Promise<number> {
  if (args[0] === "--update-api") {
    updateApi(root);
    return 0;
  }
  const unknown = args.filter((name) => !(name in checks));
  if (unknown.length > 0) {
    console.error(`no check is called ${unknown.join(", ")}; there are: ${Object.keys(checks).join(", ")}`);
    return 2;
  }
  const failed: string[] = [];
  const wanted = Object.entries(checks).filter(([name]) => args.length === 0 || args.includes(name));
  for (const [name, check] of wanted) {
    if (!(await runOne(name, check))) failed.push(name);
  }
  console.log(failed.length === 0 ? `\n${wanted.length} checks passed` : `\nfailed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
