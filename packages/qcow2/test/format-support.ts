import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, ftruncateSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Backend, MemoryBackend } from "@instar/backend";

/** Whether qemu-img and qemu-io can be run here. */
export const hasQemu: boolean =
  spawnSync("qemu-img", ["--version"]).status === 0 && spawnSync("qemu-io", ["--version"]).status === 0;

/** For titles of tests that need QEMU. */
export const qemuNote: string = hasQemu ? "" : " (skipped: Debian package qemu-utils is not installed)";

/** For fast-check, which prints the seed of a run that fails: INSTAR_SEED replays it. */
export const replay: { readonly seed?: number } =
  process.env["INSTAR_SEED"] === undefined ? {} : { seed: Number(process.env["INSTAR_SEED"]) };

/** A directory of its own that is gone when the scope ends. */
export class Scratch implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "instar-format-"));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What qemu-img prints as JSON. Its `check` exits with 2 or 3 where it finds something, and prints all the same. */
export function qemuImgJson(args: readonly string[]): Record<string, unknown> {
  const { stdout, stderr } = spawnSync("qemu-img", args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const brace = stdout.indexOf("{");
  if (brace < 0) throw new Error(`qemu-img ${args.join(" ")}: ${stderr}`);
  const parsed: unknown = JSON.parse(stdout.slice(brace));
  if (typeof parsed !== "object" || parsed === null) throw new Error(`qemu-img ${args.join(" ")}: no object`);
  return { ...parsed };
}

/** Runs qemu-img; throws with what it says when it fails. */
export function qemuImg(...args: string[]): string {
  return execFileSync("qemu-img", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs qemu-io commands on a file. */
export function qemuIo(path: string, ...commands: string[]): string {
  const args = ["-f", "qcow2", ...commands.flatMap((command) => ["-c", command]), path];
  return execFileSync("qemu-io", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Writes what a backend holds to a file, leaving holes where it has none of it. */
export async function saveTo(path: string, backend: Backend): Promise<void> {
  const descriptor = openSync(path, "w");
  try {
    for await (const { offset, length, kind } of backend.extents(0, backend.size)) {
      if (kind !== "data") continue;
      const bytes = new Uint8Array(length);
      await backend.read(bytes, offset);
      writeSync(descriptor, bytes, 0, length, offset);
    }
    ftruncateSync(descriptor, backend.size);
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes as a backend in memory. */
export async function memoryOf(bytes: Uint8Array, name = "memory:"): Promise<MemoryBackend> {
  const backend = new MemoryBackend({ name });
  await backend.write(bytes, 0);
  return backend;
}
