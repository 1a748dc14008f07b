import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { run } from "./lib/run.ts";
import { type Manifest, type Package, publicPackages, type Target } from "./lib/workspace.ts";

/** Packs every package as `pnpm publish` would, and examines the archives with publint and attw. */
export async function checkPublished(root: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "instar-pack-"));
  try {
    const faults: string[] = [];
    for (const pkg of publicPackages(root)) {
      const found = await checkOne(pkg, folder);
      faults.push(...found.map((fault) => `${pkg.path}: ${fault}`));
    }
    return faults;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkOne(pkg: Package, folder: string): Promise<string[]> {
  const packed = run("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd: pkg.dir });
  if (!packed.ok) return [`pnpm pack: ${packed.output}`];
  const { filename, files } = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("{"))) as PackResult;
  const paths = files.map((file) => file.path);
  return [
    ...missingFiles(paths),
    ...missingTargets(pkg.manifest, paths),
    ...staleFiles(paths),
    ...openRanges(run("tar", ["-xOf", filename, "package/package.json"], { cwd: folder }).stdout),
    ...(await runPublint(filename)),
    ...runAttw(filename, folder),
  ];
}

interface PackResult {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function missingFiles(files: readonly string[]): string[] {
  const missing = ["README.md", "LICENSE"].filter((name) => !files.includes(name));
  return missing.map((name) => `what is published lacks ${name}`);
}

/** What `exports`, `imports` and `bin` name, held against what was built. */
function missingTargets({ exports = {}, imports = {}, bin = {} }: Manifest, paths: readonly string[]): string[] {
  const targets = Object.values({ ...exports, ...imports, ...bin }).flatMap((target) => pathsOf(target));
  const missing = new Set(targets.filter((target) => !paths.includes(target.replace(/^\.\//, ""))));
  return [...missing].map((target) => `package.json names ${target}, which is not in what is published`);
}

function pathsOf(target: Target): string[] {
  if (typeof target === "string") return target.startsWith("./") ? [target] : [];
  return Object.values(target).flatMap((inner) => pathsOf(inner));
}

/** Build output of sources that are gone. */
function staleFiles(paths: readonly string[]): string[] {
  const built = paths.filter((path) => /^dist\/.*\.js$/.test(path));
  const stale = built.filter((path) => !paths.includes(path.replace(/^dist\/(.*)\.js$/, "src/$1.ts")));
  return stale.map((path) => `${path} has no source (remove dist, and build)`);
}

/** Ranges that only this workspace understands. */
function openRanges(manifest: string): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(manifest) as Manifest;
  const ranges = Object.entries({ ...dependencies, ...peerDependencies, ...optionalDependencies });
  return ranges
    .filter(([, range]) => /^(?:workspace|catalog|link|file):/.test(range))
    .map(([name, range]) => `what is published depends on ${name} at ${range}`);
}

async function runPublint(archive: string): Promise<string[]> {
  const bytes = readFileSync(archive);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg: manifest } = await publint({ pack: { tarball }, strict: true });
  return messages.map((message) => `publint: ${message.type}: ${formatMessage(message, manifest, { color: false })}`);
}

function runAttw(archive: string, cwd: string): string[] {
  const args = [archive, "--profile", "esm-only", "--format", "ascii", "--no-emoji", "--no-color"];
  const attw = run("attw", args, { cwd });
  return attw.ok ? [] : [`attw: ${attw.output}`];
}
