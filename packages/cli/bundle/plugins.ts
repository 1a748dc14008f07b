import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "rolldown";

/** Where a module of the package is, once it is built. */
export function built(path: string): string {
  return resolve(fileURLToPath(new URL("../dist", import.meta.url)), path);
}

/** Modules of Node that take milliseconds to load, and that only some requests need. */
const LAZY: readonly string[] = ["node:crypto", "node:os", "node:url", "node:zlib"];

/** Loads the modules of Node in {@link LAZY} with the first call of one of their functions. */
export function lazyBuiltins(): Plugin {
  return {
    name: "lazy-builtins",
    // In modules of this workspace: what others take by `require` may be a function or a class itself.
    resolveId: (id, importer) =>
      LAZY.includes(id) && importer !== undefined && /^\/(?!.*\/node_modules\/)/.test(importer) ? `\0${id}` : undefined,
    load(id) {
      if (!id.startsWith("\0node:")) return undefined;
      const module = id.slice(1);
      const exported = Object.entries(process.getBuiltinModule(module) ?? {});
      // What is no function cannot be taken from a module that is not loaded.
      const names = exported.filter(([name, its]) => typeof its === "function" && /^[a-z]\w*$/i.test(name));
      const found = `process.getBuiltinModule(${JSON.stringify(module)})`;
      return names
        .filter(([name]) => name !== "default")
        .map(([name]) => `export function ${name}(...given) { return ${found}.${name}(...given); }`)
        .join("\n");
    },
  };
}

/** Puts the version of the package into the bundle, which may stand alone. */
export function version(): Plugin {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return {
    name: "version",
    load: (id) =>
      id === built("version.js")
        ? `export function readVersion() { return ${JSON.stringify(manifest.version)}; }`
        : undefined,
  };
}

/** Puts the licences of the packages beside the bundle that it holds parts of. */
export function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of chunk.moduleIds) {
          const folder = /^[^\0].*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
          if (folder !== undefined) folders.add(folder);
        }
      }
      const source = [...folders].sort().map(licenceOf).join("\n\n");
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: `${source}\n` });
    },
  };
}

function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((path) => join(folder, path)).find(existsSync);
  if (file === undefined) throw new Error(`${folder}: has no licence`);
  return `${String(manifest["name"])} ${String(manifest["version"])}\n\n${readFileSync(file, "utf8").trim()}`;
}
