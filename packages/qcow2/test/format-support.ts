import { execFileSync, spawnSync } from "node:child_process";
import { openSync, closeSync, ftruncateSync, writeSync } from "node:fs";

import type { Backend } from "@instar/backend";

export { memoryOf } from "@instar/image-format/testing";
export { hasQemu, qemuImg, qemuNote, Scratch } from "@instar/image-format/testing/qemu";

/** For fast-check, which prints the seed of a run that fails: INSTAR_SEED replays it. */
export const replay: { readonly seed?: number } =
  process.env["INSTAR_SEED"] === undefined ? {} : { seed: Number(process.env["INSTAR_SEED"]) };

/** What qemu-img prints as JSON. Its `check` exits with 2 or 3 where it finds something, and prints all the same. */
export function qemuImgJson(args: readonly string[]): Record<string, unknown> {
  const { stdout, stderr } = spawnSync("qemu-img", args, { encoding: "utf8", maxBuffer: 1 << 28 });
  const brace = stdout.indexOf("{");
  if (brace < 0) throw new Error(`qemu-img ${args.join(" ")}: ${stderr}`);
  const parsed: unknown = JSON.parse(stdout.slice(brace));
  if (typeof parsed !== "object" || parsed === null) throw new Error(`qemu-img ${args.join(" ")}: no object`);
  return { ...parsed };
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
