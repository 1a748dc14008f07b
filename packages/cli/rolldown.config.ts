import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type RolldownOptions } from "rolldown";

// The executable is one bundle, split so that a command loads what it needs: finding and reading a hundred small modules
// takes longer than a short command does. The library stays in modules, as `dist` has them.

const built = (path: string): string => resolve(fileURLToPath(new URL("dist", import.meta.url)), path);

/** What every command that opens a qcow2 image or a raw one loads; with all that they import, they are one file. */
const CORE = ["bin.js", "open-image.js", "formats/qcow2.js", "commands/info.js"].map(built);

/** Modules of Node that take milliseconds to load, and that only some requests need. */
const LAZY: readonly string[] = ["node:crypto", "node:zlib"];

/**
 * Takes modules of Node without an import statement, which would have all that they export looked at, and so loaded:
 * streams for `node:fs`, and more. Those in {@link LAZY} are loaded with the first call of one of their functions.
 */
function builtins(): Plugin {
  return {
    name: "builtins",
    // In modules of this workspace: what others take by `require` may be a function or a class itself.
    resolveId: (id, importer) =>
      id.startsWith("node:") && importer !== undefined && /^\/(?!.*\/node_modules\/)/.test(importer)
        ? `\0${id}`
        : undefined,
    load(id) {
      if (!id.startsWith("\0node:")) return undefined;
      const module = id.slice(1);
      const found = `process.getBuiltinModule(${JSON.stringify(module)})`;
      const names = Object.keys(process.getBuiltinModule(module) ?? {}).filter((name) => /^[a-z]\w*$/i.test(name));
      const exported = names.filter((name) => name !== "default" && name !== "module");
      if (!LAZY.includes(module)) {
        return [`const module = ${found};`, ...exported.map((name) => `export const ${name} = module.${name};`)].join(
          "\n",
        );
      }
      return exported
        .map((name) => `export function ${name}(...given) { return ${found}.${name}(...given); }`)
        .join("\n");
    },
  };
}

/** Takes of undici the part that is used: all of it would take twice as long to load. */
function partOfUndici(): Plugin {
  return {
    name: "part-of-undici",
    async resolveId(id, importer) {
      return id === "undici"
        ? `\0undici:${(await this.resolve("undici/lib/dispatcher/pool.js", importer))?.id}`
        : undefined;
    },
    load: (id) =>
      id.startsWith("\0undici:") ? `export { default as Pool } from ${JSON.stringify(id.slice(8))};` : undefined,
  };
}

/** Puts the licences of the packages beside the bundle that it holds parts of. */
function licences(): Plugin {
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
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((path) => join(folder, path)).find(existsSync);
  if (file === undefined) throw new Error(`${folder}: has no licence`);
  return `${String(name)} ${String(version)}\n\n${readFileSync(file, "utf8").trim()}`;
}

let core: Set<string> | undefined;

function reachable(importsOf: (id: string) => readonly string[]): Set<string> {
  const found = new Set(CORE);
  for (const id of found) for (const imported of importsOf(id)) found.add(imported);
  return found;
}

const config: RolldownOptions = defineConfig({
  input: { instar: built("bin.js") },
  platform: "node",
  external: ["koffi"],
  plugins: [builtins(), partOfUndici(), licences()],
  // What is not used of a module of Node is not looked at.
  treeshake: { propertyReadSideEffects: false },
  output: {
    dir: join(dirname(built("bin.js")), "bundle"),
    cleanDir: true,
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name].mjs",
    // Less to read and to parse; names stay, for whoever looks at a stack.
    minify: true,
    codeSplitting: {
      groups: [
        {
          name: (id, context) => {
            core ??= reachable((from) => context.getModuleInfo(from)?.importedIds ?? []);
            return core.has(id) ? "core" : null;
          },
        },
      ],
    },
  },
});

export default config;
