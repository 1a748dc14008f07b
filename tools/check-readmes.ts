import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Example, examplesIn } from "./lib/examples.ts";
import { run } from "./lib/run.ts";
import { listFiles, publicPackages } from "./lib/workspace.ts";

/** Folder of the examples while they run: within the package, so that what they import resolves. */
const folderName = ".readme-examples";

/**
 * Runs every example of every README against what is built: `ts` and `js` blocks as modules in the package's folder
 * (`ts` also has to pass the compiler), `sh` blocks with bash in an empty folder with `instar` on the PATH.
 */
export function checkReadmes(root: string, note: (message: string) => void = console.log): string[] {
  const faults: string[] = [];
  // The README at the top has its imports resolved where the demo has them.
  const places = [{ readme: join(root, "README.md"), dir: join(root, "demo"), isPackage: false }];
  for (const { dir } of publicPackages(root)) places.push({ readme: join(dir, "README.md"), dir, isPackage: true });
  for (const { readme, dir, isPackage } of places) {
    const where = relative(root, readme);
    try {
      const examples = existsSync(readme) ? examplesIn(readFileSync(readme, "utf8")) : [];
      if (isPackage && examples.length === 0) faults.push(`${where}: has no example`);
      if (examples.length > 0) faults.push(...runAll(root, dir, examples, note).map((fault) => `${where}:${fault}`));
    } catch (error) {
      faults.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return faults;
}

function runAll(root: string, dir: string, examples: readonly Example[], note: (message: string) => void): string[] {
  const faults: string[] = [];
  const before = new Set(listFiles(dir));
  const folder = join(dir, folderName);
  mkdirSync(folder);
  try {
    for (const example of examples) {
      if (example.needs !== undefined && !run("which", [example.needs], { cwd: root }).ok) {
        note(`skipped: ${relative(root, dir)}/README.md:${example.line}: needs ${example.needs}`);
        continue;
      }
      const fault = example.language === "sh" ? runShell(root, example) : runModule(root, dir, folder, example);
      if (fault !== undefined) faults.push(`${example.line}: ${fault}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const left = listFiles(dir).filter((file) => !before.has(file));
  return [...faults, ...left.map((file) => `0: an example leaves ${relative(dir, file)} behind`)];
}

function runModule(root: string, dir: string, folder: string, example: Example): string | undefined {
  const file = join(folder, `line-${example.line}.${example.language}`);
  writeFileSync(file, example.code);
  if (example.language === "ts") {
    const typed = compile(root, folder);
    if (!typed.ok) return `the example does not compile\n${typed.output}`;
  }
  const ran = run(process.execPath, [file], { cwd: dir });
  rmSync(file);
  return ran.ok ? undefined : `the example fails\n${ran.output}`;
}

function compile(root: string, folder: string): { readonly ok: boolean; readonly output: string } {
  const compilerOptions = { noEmit: true, types: ["node"], typeRoots: [join(root, "node_modules/@types")] };
  const lenient = { noUnusedLocals: false, noUnusedParameters: false };
  const config = join(folder, "tsconfig.json");
  const extended = join(root, "tsconfig.base.json");
  writeFileSync(
    config,
    JSON.stringify({ extends: extended, compilerOptions: { ...compilerOptions, ...lenient }, include: ["*.ts"] }),
  );
  return run("tsc", ["-p", config], { cwd: folder });
}

function runShell(root: string, example: Example): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "instar-readme-"));
  try {
    const [bin, work] = [join(folder, "bin"), join(folder, "work")];
    mkdirSync(bin);
    mkdirSync(work);
    writeFileSync(
      join(bin, "instar"),
      `#!/bin/sh\nexec "${process.execPath}" "${root}/packages/cli/bin/instar.cjs" "$@"\n`,
    );
    chmodSync(join(bin, "instar"), 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    const ran = run("bash", ["-euo", "pipefail", "-c", example.code], { cwd: work, env });
    return ran.ok ? undefined : `the example fails\n${ran.output}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
