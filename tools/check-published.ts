import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { run } from "./lib/run.ts";
import { type Manifest, type Package, publicPackages } from "./lib/workspace.ts";

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
  return [
    ...missingFiles(files.map((file) => file.path)),
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
