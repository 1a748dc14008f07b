import { defineConfig, type RolldownOptions } from "rolldown";
import { built, lazyBuiltins, licences, version } from "./bundle/plugins.ts";

// The executable is one bundle, split so that a command loads what it needs: finding and reading a hundred small modules
// takes longer than a short command does. The library stays in modules, as `dist` has them.

/** What every command that opens a qcow2 image or a raw one loads; with all that they import, they are one file. */
const CORE = ["bin.js", "open-image.js", "formats/qcow2.js", "commands/info.js"].map(built);

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
  plugins: [lazyBuiltins(), version(), licences()],
  output: {
    dir: built("bundle"),
    cleanDir: true,
    // Node begins to run it sooner than modules, and takes all of it from the cache of what it has compiled.
    format: "cjs",
    // koffi is taken by require: what loads modules would take as long as it does.
    dynamicImportInCjs: false,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
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
