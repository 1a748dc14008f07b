import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown, type Plugin } from "rolldown";
import { built, lazyBuiltins, licences, version } from "./plugins.ts";

const require = createRequire(import.meta.url);

const FLAGS: readonly string[] = [
  "--compile",
  "--bytecode",
  "--splitting",
  "--minify",
  "--format=esm",
  "--target=bun",
  // Files in the directory where it is run are none of its business: they could allow what an image may name, or run code.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
];

/**
 * Compiles the executable that needs no Node.js: the bundle, Bun, and the addon of koffi in one file.
 *
 * @param file where it is put
 */
export async function buildStandalone(file: string): Promise<void> {
  const folder = built("standalone");
  const bundle = await rolldown({
    input: { instar: built("standalone.js") },
    platform: "node",
    external: /\.node$/,
    plugins: [koffiAddon(), lazyBuiltins(), version(), licences()],
  });
  await bundle.write({ dir: folder, cleanDir: true, entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" });
  const { status, stderr } = spawnSync(bun(), ["build", ...FLAGS, `--outfile=${file}`, join(folder, "instar.mjs")]);
  if (status !== 0) throw new Error(`bun build: exit code ${status}: ${stderr.toString()}`);
}

function bun(): string {
  return join(dirname(require.resolve("bun/package.json")), "bin/bun.exe");
}

/** Has koffi be its addon for this system alone, by its path: its own search needs files beside the program. */
function koffiAddon(): Plugin {
  return {
    name: "koffi-addon",
    resolveId: (id) => (id === "koffi" ? "\0koffi" : undefined),
    load(id) {
      if (id !== "\0koffi") return undefined;
      const addon = addonOf(dirname(require.resolve("koffi")));
      return addon === undefined ? "export default undefined;" : `export { default } from ${JSON.stringify(addon)};`;
    },
  };
}

function addonOf(koffi: string): string | undefined {
  const folder = join(koffi, `../@koromix/koffi-${process.platform}-${process.arch}`);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".node"));
  // Of Linux' C libraries glibc comes before musl, whatever order the directory has.
  const [found] = files.sort();
  return found === undefined ? undefined : join(folder, found);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildStandalone(built("instar"));
