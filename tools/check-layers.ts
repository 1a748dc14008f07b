import { isAbsolute, relative, resolve } from "node:path";
import { importsOf } from "./lib/imports.ts";
import { parseFile } from "./lib/source.ts";
import { type Package, readWorkspace, scope, sourceFiles } from "./lib/workspace.ts";
import { rows } from "./layers.ts";

/**
 * Holds every import and every dependency against the rows of the house: nothing upwards, nothing sideways, nothing
 * private, nothing by path into another package, and in `src` nothing that is not a declared dependency.
 *
 * Private packages may look at all of it. Tests may import any package by name (a devDependency), but no package by path.
 */
export function checkLayers(root: string): string[] {
  const packages = readWorkspace(root);
  const isPrivate = new Set(packages.filter((pkg) => pkg.manifest.private).map((pkg) => pkg.short));
  return packages
    .filter((pkg) => !isPrivate.has(pkg.short))
    .flatMap((pkg) => {
      if (rowOf(pkg.short) < 0) return [`${pkg.path}: stands in no row of tools/layers.ts`];
      return [...checkManifest(pkg, isPrivate), ...checkSources(pkg, isPrivate)];
    });
}

function checkManifest(pkg: Package, isPrivate: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  for (const field of ["dependencies", "peerDependencies", "optionalDependencies"] as const) {
    for (const name of Object.keys(pkg.manifest[field] ?? {})) {
      const fault = faultOf(pkg, name, isPrivate);
      if (fault) faults.push(`${pkg.path}/package.json: ${field}: ${fault}`);
    }
  }
  return faults;
}

function checkSources(pkg: Package, isPrivate: ReadonlySet<string>): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = pkg.manifest;
  const declared = new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }));
  const faults: string[] = [];
  for (const folder of ["src", "bin", "test"]) {
    for (const file of sourceFiles(resolve(pkg.dir, folder))) {
      const source = parseFile(file);
      for (const { specifier, line } of importsOf(source)) {
        const where = `${pkg.path}/${relative(pkg.dir, file)}:${line}`;
        const fault = folder === "test" ? faultOfPath(pkg, file, specifier) : faultOfImport(pkg, file, specifier);
        if (fault) faults.push(`${where}: ${fault}`);
      }
    }
  }
  return faults;

  function faultOfImport(of: Package, file: string, specifier: string | undefined): string | undefined {
    if (specifier === undefined) return "imports a module by a computed name, which no rule can examine";
    const byPath = faultOfPath(of, file, specifier);
    if (byPath) return byPath;
    const name = packageOf(specifier);
    if (name === undefined || name === of.manifest.name) return undefined;
    const layer = faultOf(of, name, isPrivate);
    if (layer) return layer;
    return declared.has(name) ? undefined : `imports ${name}, which is not among its dependencies`;
  }
}

function faultOf(pkg: Package, name: string, isPrivate: ReadonlySet<string>): string | undefined {
  if (!name.startsWith(scope)) return undefined;
  const short = name.slice(scope.length);
  if (isPrivate.has(short)) return `imports ${name}, which is private`;
  const [own, other] = [rowOf(pkg.short), rowOf(short)];
  if (other < 0) return `imports ${name}, which stands in no row of tools/layers.ts`;
  if (other < own) return `imports ${name} upwards`;
  return other === own ? `imports ${name} sideways` : undefined;
}

function faultOfPath(pkg: Package, file: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined || !(specifier.startsWith(".") || isAbsolute(specifier))) return undefined;
  const inside = relative(pkg.dir, resolve(file, "..", specifier));
  return inside.startsWith("..") ? `imports ${specifier}, by path out of its package` : undefined;
}

/** The package a specifier names; undefined for paths, `#imports` and what Node has built in. */
function packageOf(specifier: string): string | undefined {
  if (/^(?:\.|\/|#|[a-z]+:)/.test(specifier)) return undefined;
  const [first, second] = specifier.split("/");
  return specifier.startsWith("@") ? `${first}/${second}` : first;
}

function rowOf(short: string): number {
  return rows.findIndex((row) => row.includes(short));
}
