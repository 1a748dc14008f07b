import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** What the tools read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, Target>>;
  readonly imports?: Readonly<Record<string, Target>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A target of `exports` or `imports`: a path, or conditions. */
export type Target = string | { readonly [condition: string]: Target };

/** One package of the workspace. */
export interface Package {
  /** Absolute folder. */
  readonly dir: string;
  /** Folder below the root, with slashes: how faults name it. */
  readonly path: string;
  /** Name without the scope. */
  readonly short: string;
  readonly manifest: Manifest;
}

export const scope = "@instar/";

/** All packages: the folders of `packages/`, and the folders at the top that have a package.json. */
export function readWorkspace(root: string): Package[] {
  const folders = [...subfolders(join(root, "packages")), ...subfolders(root)];
  return folders
    .filter((dir) => existsSync(join(dir, "package.json")))
    .map((dir) => {
      const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;
      return { dir, path: relative(root, dir), short: manifest.name.replace(scope, ""), manifest };
    });
}

/** The packages that are published. */
export function publicPackages(root: string): Package[] {
  return readWorkspace(root).filter((pkg) => pkg.manifest.private !== true);
}

/** Source files below a folder, sorted; none where the folder is missing. */
export function sourceFiles(folder: string): string[] {
  return listFiles(folder).filter((file) => /\.(?:ts|mts|js|mjs)$/.test(file) && !file.endsWith(".d.ts"));
}

/** All files below a folder, sorted, without installed packages and build output. */
export function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const files: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...listFiles(path));
    else files.push(path);
  }
  return files.sort();
}

const skipped = new Set(["node_modules", "dist", "coverage", ".git", ".turbo", ".test-results"]);

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && !skipped.has(entry.name)).map((entry) => entry.name);
  return names.sort().map((name) => join(folder, name));
}
