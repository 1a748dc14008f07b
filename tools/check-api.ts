import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type DeclarationFile, Declarations } from "./lib/declarations.ts";
import { diffLines } from "./lib/diff.ts";
import { listFiles, type Package, publicPackages, type Target } from "./lib/workspace.ts";

/** Holds the public API of every package, as built, against the report in its `api/` folder. */
export function checkApi(root: string): string[] {
  return publicPackages(root).flatMap((pkg) => {
    const faults: string[] = [];
    const reports = reportsOf(pkg);
    for (const [file, report] of reports) {
      const where = relative(root, file);
      const kept = existsSync(file) ? readFileSync(file, "utf8") : undefined;
      if (kept === undefined) faults.push(`${where}: is missing (pnpm api:update)`);
      else if (kept !== report)
        faults.push(`${where}: the API has changed (pnpm api:update)\n${diffLines(kept, report)}`);
    }
    const stale = listFiles(join(pkg.dir, "api")).filter((file) => !reports.has(file));
    return [...faults, ...stale.map((file) => `${relative(root, file)}: no entry of exports is called that`)];
  });
}

/** Writes the reports of all packages. */
export function updateApi(root: string): void {
  for (const pkg of publicPackages(root)) {
    const reports = reportsOf(pkg);
    rmSync(join(pkg.dir, "api"), { recursive: true, force: true });
    if (reports.size > 0) mkdirSync(join(pkg.dir, "api"));
    for (const [file, report] of reports) writeFileSync(file, report);
  }
}

/** The report of each entry of `exports`, by the file it is kept in. */
export function reportsOf(pkg: Package): Map<string, string> {
  const reports = new Map<string, string>();
  for (const [entry, target] of Object.entries(pkg.manifest.exports ?? {})) {
    const types = typesOf(target);
    if (types === undefined) continue;
    const name = entry === "." ? "index" : entry.slice(2).replaceAll("/", ".");
    const file = new Declarations().file(resolve(pkg.dir, types));
    reports.set(join(pkg.dir, "api", `${name}.d.ts`), reportOf(file));
  }
  return reports;
}

/**
 * What a program sees of an entry: every exported declaration, and every one that those mention, sorted by name and
 * without comments, so that a report changes when the API does.
 */
function reportOf(entry: DeclarationFile): string {
  const imports = new Set<string>();
  const printed = new Map<string, string>();
  const seen = new Set<string>();

  const print = (file: DeclarationFile, name: string, keyword: "export" | "declare", as = name): void => {
    const id = `${file.source.path} ${name}`;
    if (seen.has(id)) return;
    seen.add(id);
    const text = as === name ? file.textOf(name, keyword) : file.textOf(name, "declare");
    printed.set(`${as} ${id}`, as === name ? text : `${text}\nexport { ${name} as ${as} };`);
    for (const mentioned of file.mentionedBy(name)) {
      const origin = file.origin(mentioned);
      if (origin?.kind === "own") queue.push(() => print(origin.file, origin.name, "declare"));
      else if (origin) imports.add(importOf(origin.module, origin.name, mentioned));
    }
  };

  const queue: (() => void)[] = [];
  for (const [as, origin] of entry.exports()) {
    if (origin.kind === "own") print(origin.file, origin.name, "export", as);
    else imports.add(importOf(origin.module, origin.name, as).replace(/^import/, "export"));
  }
  for (const next of queue) next();
  const declarations = [...printed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  const blocks = [[...imports].sort().join("\n"), ...declarations].filter((block) => block !== "");
  return `${blocks.join("\n\n") || "export {};"}\n`;
}

function importOf(module: string, name: string, local: string): string {
  if (name === "*") return `import * as ${local} from "${module}";`;
  return `import { ${name === local ? name : `${name} as ${local}`} } from "${module}";`;
}

function typesOf(target: Target): string | undefined {
  if (typeof target === "string") return target.endsWith(".d.ts") ? target : undefined;
  return Object.entries(target)
    .filter(([condition]) => condition === "types")
    .map(([, types]) => (typeof types === "string" ? types : typesOf(types)))[0];
}
