import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Library } from "./cache-model.ts";
import type { Mutant } from "./mutants.ts";

const root = join(import.meta.dirname, "../..");
/** Below `node_modules`, so that the copies find the package's dependencies. */
const copies = join(root, "node_modules/.cache/instar-mutants");

/** Makes a copy of the package with a bug, and loads it. Without one, a faithful copy. */
export async function loadMutant(mutant?: Mutant): Promise<Library> {
  const folder = join(copies, `${process.pid}-${(mutant?.name ?? "none").replaceAll(/\W/g, "-")}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    let mutated = mutant === undefined;
    for (const file of readdirSync(join(root, "src"))) {
      let source = readFileSync(join(root, "src", file), "utf8");
      if (file === mutant?.file) {
        const parts = source.split(mutant.find);
        if (parts.length !== 2) throw new Error(`${mutant.name}: found ${parts.length - 1} times in ${file}, not once`);
        source = parts.join(mutant.replace);
        mutated = true;
      }
      writeFileSync(join(folder, file.replace(/\.ts$/, ".js")), stripTypeScriptTypes(source));
    }
    if (!mutated) throw new Error(`${mutant?.name}: there is no ${mutant?.file}`);
    return (await import(pathToFileURL(join(folder, "index.js")).href)) as Library;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
